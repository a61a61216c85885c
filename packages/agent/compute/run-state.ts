import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from '@thresher/api/type'
import { mismatches } from '@thresher/api/matches'
import { currentVersion, upgrade } from './run-state-upgrades.ts'

const text = Type.String({ minLength: 1 })

/**
 * Something that the run holds and that must be given back, in the order in which it was taken: the last goes back first.
 * Written down before it is taken, so that it is never held without being known.
 */
export const Holding = Type.Object({
  /**
   * volume: a published volume, `name` being the storage driver's id. nic: a card's tap. own-disks: seeds and empty disks.
   * cgroup: QEMU's control group. tpm: the process of its TPM; `name` is the UID of the machine for which its state lasts, when it
   * does.
   */
  kind: Type.Enum(['volume', 'nic', 'own-disks', 'cgroup', 'tpm']),
  name: Type.Optional(text),
  /** Of a volume: QEMU's name for its node. */
  node: Type.Optional(text),
})
export type Holding = Static<typeof Holding>

/** What QEMU was started with, as far as others need it. */
export const RunningConfig = Type.Object({
  machineType: text,
  cpus: Type.Integer(),
  guestBytes: Type.Integer(),
  overheadBytes: Type.Integer(),
  accelerator: Type.Enum(['kvm', 'tcg']),
  /** Hash of QEMU's arguments. */
  fingerprint: text,
  /** The UID of the virtual machine for which the UEFI variables outlast the run, when they do. */
  lastingFirmware: Type.Optional(text),
  disks: Type.Array(
    Type.Object({
      name: text,
      device: text,
      nodeName: Type.Optional(text),
      target: Type.String(),
      /** Its volume may go while the guest runs. */
      hot: Type.Optional(Type.Literal(true)),
    }),
  ),
  nics: Type.Array(Type.Object({ name: text, device: text, mac: text, ifname: text })),
  features: Type.Object({
    serial: Type.Boolean(),
    graphics: Type.Boolean(),
    balloon: Type.Boolean(),
    secureBoot: Type.Boolean(),
  }),
})
export type RunningConfig = Static<typeof RunningConfig>

/**
 * What is known of one run on this host, written before each step that another agent must be able to take up. It says no
 * secret: the guest's configuration stays in the API.
 */
export const RunState = Type.Object({
  version: Type.Literal(currentVersion),
  namespace: text,
  name: text,
  uid: text,
  /**
   * The number of the user and of the group that QEMU runs as, this run's alone; written before anything is given to them. Missing of
   * runs that an agent before version 3 began: all of those run as the user thresher-qemu.
   */
  user: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Missing only in a state that was made from the process alone, until the API has been asked. */
  pod: Type.Object({ name: Type.String(), uid: Type.String() }),
  /**
   * preparing: volumes and cards are being readied, no QEMU yet.
   * incoming: QEMU may have been started and waits for a migration.
   * starting: QEMU may have been started.
   * running: the guest has been let run.
   * migrating-out: the guest is being sent to another node.
   * stopping: the guest was asked to shut down and has until `dueMs` for it.
   * ended: the run is over; what is held must be given back and the outcome reported.
   */
  step: Type.Enum(['preparing', 'incoming', 'starting', 'running', 'migrating-out', 'stopping', 'ended']),
  /** Milliseconds since 1970. */
  dueMs: Type.Optional(Type.Number()),
  /** The guest was asked to shut down, to be started again; until then. Milliseconds since 1970. */
  rebootDueMs: Type.Optional(Type.Number()),
  /** It has shut down and is being started again. */
  restarting: Type.Optional(Type.Literal(true)),
  /** QEMU was killed, as the guest's time was over; written before the signal is sent. */
  killed: Type.Optional(Type.Literal(true)),
  holdings: Type.Array(Holding),
  process: Type.Optional(Type.Object({ pid: Type.Integer({ minimum: 2 }), startTicks: text })),
  config: Type.Optional(RunningConfig),
  startedAt: Type.Optional(text),
  outcome: Type.Optional(
    Type.Object({ phase: Type.Enum(['Succeeded', 'Failed']), reason: text, message: Type.String() }),
  ),
})
export type RunState = Static<typeof RunState>
export type RunStep = RunState['step']
export type Outcome = NonNullable<RunState['outcome']>

/** What a run's folder says of it. */
export type FoundState =
  | { found: 'state'; state: RunState }
  /** There is no state file. */
  | { found: 'none' }
  /** There is one, but not one that this agent understands; `why` is a sentence. */
  | { found: 'unreadable'; why: string }

const fileName = 'state.json'

/** Write the state whole or not at all. */
export function writeState(folder: string, state: RunState): void {
  const temporary = join(folder, `.state-${process.pid}-${Date.now()}`)
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(file, JSON.stringify(state))
    // Where the run folder is on a disk, a crash of the host must not leave a file without content.
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, join(folder, fileName))
}

/** The state in a run's folder, brought to this version. Never throws. */
export function readState(folder: string): FoundState {
  let content: string
  try {
    content = readFileSync(join(folder, fileName), 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? { found: 'none' } : { found: 'unreadable', why: message }
  }
  return parseState(content)
}

/** As {@link readState}, of the file's text. Pure. */
export function parseState(content: string): FoundState {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch {
    return { found: 'unreadable', why: 'it is not whole' }
  }
  const upgraded = upgrade(value)
  if ('why' in upgraded) return { found: 'unreadable', why: upgraded.why }
  const [first] = mismatches(RunState, upgraded.value)
  if (first) return { found: 'unreadable', why: `${first.path || 'it'} ${first.message}` }
  return { found: 'state', state: upgraded.value as RunState }
}
