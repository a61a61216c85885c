/** The version of the state files that this agent writes. Raise it with every change of form, and add the step to it below. */
export const currentVersion = 4

type Plain = Record<string, unknown>

/**
 * From each version to the next. A version never leaves this table: a host may be upgraded over many, with its guests
 * running on. `fixtures/run-state/` holds a file of every form that was ever written.
 */
const upgrades: Readonly<Record<number, (state: Plain) => Plain>> = {
  // The holdings became a stack. Before, seeds, empty disks and the control group went without saying.
  1: ({ holdings, ...state }) => {
    const {
      volumes = [],
      nodes = {},
      nics = [],
    } = holdings as {
      volumes?: string[]
      nodes?: Record<string, string>
      nics?: string[]
    }
    return {
      ...state,
      holdings: [
        { kind: 'cgroup' },
        { kind: 'own-disks' },
        ...volumes.map((id) => ({ kind: 'volume', name: id, ...(nodes[id] === undefined ? {} : { node: nodes[id] }) })),
        ...nics.map((name) => ({ kind: 'nic', name })),
      ],
    }
  },
  // Each run got a user of its own; those that run go on as they are.
  2: (state) => state,
  // A run may hold a TPM; before, none did.
  3: (state) => state,
}

/** Bring a state of any known version to the current one; its form is for the caller to check. Pure. */
export function upgrade(value: unknown): { value: Plain } | { why: string } {
  if (!isPlain(value)) return { why: 'it is not an object' }
  let state = value
  for (;;) {
    const { version } = state
    if (version === currentVersion) return { value: state }
    if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) return { why: 'it has no version' }
    if (version > currentVersion)
      return { why: `it is of version ${version}, written by a newer agent; this one knows up to ${currentVersion}` }
    try {
      state = { ...upgrades[version]!(state), version: version + 1 }
    } catch {
      return { why: `it is not of the form that version ${version} had` }
    }
  }
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
