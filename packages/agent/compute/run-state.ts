import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from '@thresher/api/type'
import { matches } from '@thresher/api/matches'

const text = Type.String({ minLength: 1 })

/** What must be given back after the run. */
const Holdings = Type.Object({
  /** Volumes of the storage driver, by id. */
  volumes: Type.Array(text),
  /** QEMU's names for them. */
  nodes: Type.Optional(Type.Record(Type.String(), text)),
  /** Names of the network cards. */
  nics: Type.Array(text),
})

/**
 * What is known of one run on this host, written before each step that another agent must be able to take up. It says no
 * secret: the guest's configuration stays in the API.
 */
export const RunState = Type.Object({
  version: Type.Literal(1),
  namespace: text,
  name: text,
  uid: text,
  pod: Type.Object({ name: text, uid: text }),
  /**
   * preparing: volumes and cards are being readied, no QEMU yet.
   * starting: QEMU may have been started.
   * running: the guest has been let run.
   * ended: the run is over; what is held must be given back and the outcome told.
   */
  step: Type.Enum(['preparing', 'starting', 'running', 'ended']),
  holdings: Holdings,
  process: Type.Optional(Type.Object({ pid: Type.Integer({ minimum: 2 }), startTicks: text })),
  config: Type.Optional(
    Type.Object({
      machineType: text,
      cpus: Type.Integer(),
      guestBytes: Type.Integer(),
      overheadBytes: Type.Integer(),
      accelerator: Type.Enum(['kvm', 'tcg']),
      /** Hash of QEMU's arguments. */
      fingerprint: text,
      /** The machine's UUID, when its UEFI variables outlast the run. */
      lastingFirmware: Type.Optional(text),
      disks: Type.Array(
        Type.Object({ name: text, device: text, nodeName: Type.Optional(text), target: Type.String() }),
      ),
      nics: Type.Array(Type.Object({ name: text, device: text, mac: text, ifname: text })),
      features: Type.Object({
        serial: Type.Boolean(),
        graphics: Type.Boolean(),
        balloon: Type.Boolean(),
        secureBoot: Type.Boolean(),
      }),
    }),
  ),
  startedAt: Type.Optional(text),
  outcome: Type.Optional(
    Type.Object({ phase: Type.Enum(['Succeeded', 'Failed']), reason: text, message: Type.String() }),
  ),
})
export type RunState = Static<typeof RunState>
export type Outcome = NonNullable<RunState['outcome']>

const fileName = 'state.json'

/**
 * Make a run's folder: QEMU's group may add sockets to it, but with the sticky bit cannot touch what root put there.
 *
 * @param gid the group of QEMU's user
 */
export function makeRunFolder(folder: string, gid: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chownSync(folder, 0, gid)
  chmodSync(folder, 0o1770)
}

/** Write the state whole or not at all. */
export function writeState(folder: string, state: RunState): void {
  const temporary = join(folder, `.state-${process.pid}-${Date.now()}`)
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(file, JSON.stringify(state))
  } finally {
    closeSync(file)
  }
  renameSync(temporary, join(folder, fileName))
}

/** The state in a run's folder; undefined when there is none or it cannot be understood. */
export function readState(folder: string): RunState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, fileName), 'utf8'))
    return matches(RunState, value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The runs that some agent began on this host, by their folders' names. */
export function listRuns(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    return []
  }
}

/** Forget a run. */
export function removeRunFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
