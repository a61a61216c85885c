import { describe, expect, it, test } from 'vitest'
import { next, type Action, type Input, type Lifecycle } from './lifecycle.ts'

const failure = { phase: 'Failed', reason: 'NoSpace', message: 'the disk is full' } as const
const soon = { on: 'stop', dueMs: 5000, nowMs: 0 } as const
const atOnce = { on: 'stop', dueMs: 0, nowMs: 0 } as const
const died = { on: 'exited', message: 'it wrote nothing' } as const
const prelaunch = { on: 'answered', status: 'prelaunch' } as const

interface Row {
  from: Lifecycle
  input: Input
  /** Fields that the next state has. */
  to: Partial<Lifecycle> | { outcome: { reason: string } }
  actions?: Action[]
  write?: boolean
}

const shutDown = { on: 'shutdown', reason: 'guest-shutdown' } as const

const rows: Record<string, Row> = {
  'a guest that is to restart is asked to shut down': {
    from: { step: 'running' },
    input: { on: 'reboot', dueMs: 9000 },
    to: { step: 'running', rebootDueMs: 9000 },
    actions: ['press'],
    write: true,
  },
  'a paused guest cannot be asked to restart': {
    from: { step: 'running', paused: 'PausedByUser' },
    input: { on: 'reboot', dueMs: 9000 },
    to: { paused: 'PausedByUser' },
  },
  'a guest that shuts down to restart is started again': {
    from: { step: 'running', rebootDueMs: 9000 },
    input: { ...shutDown, nowMs: 8000 },
    to: { step: 'running', rebootDueMs: undefined, restarting: true },
    actions: ['restart'],
    write: true,
  },
  'it did so while no agent listened': {
    from: { step: 'running', rebootDueMs: 9000 },
    input: { on: 'answered', status: 'shutdown', nowMs: 8000 },
    to: { step: 'running', rebootDueMs: undefined, restarting: true },
    actions: ['restart'],
    write: true,
  },
  'an agent died before it had reset such a guest': {
    from: { step: 'running', restarting: true },
    input: { on: 'answered', status: 'shutdown', nowMs: 99_000 },
    to: { step: 'running', restarting: true },
    actions: ['restart'],
  },
  'an agent died before it let such a guest run': {
    from: { step: 'running', restarting: true },
    input: { on: 'answered', status: 'prelaunch', nowMs: 99_000 },
    to: { step: 'running', restarting: true },
    actions: ['continue'],
  },
  'such a guest runs': {
    from: { step: 'running', restarting: true },
    input: { on: 'resumed' },
    to: { step: 'running', restarting: undefined },
    write: true,
  },
  'a guest that shuts down long after it was to restart stays off': {
    from: { step: 'running', rebootDueMs: 9000 },
    input: { ...shutDown, nowMs: 9001 },
    to: { step: 'ended', outcome: { reason: 'GuestShutdown' } },
    actions: ['finish'],
    write: true,
  },
  'a guest that is to restart but panics has failed': {
    from: { step: 'running', rebootDueMs: 9000 },
    input: { on: 'shutdown', reason: 'guest-panic', nowMs: 8000 },
    to: { step: 'ended', outcome: { reason: 'GuestPanicked' } },
    actions: ['finish'],
    write: true,
  },
  'a guest that is to restart but is stopped meanwhile stays off': {
    from: { step: 'stopping', dueMs: 9500, rebootDueMs: 9000 },
    input: { ...shutDown, nowMs: 8000 },
    to: { step: 'ended', outcome: { reason: 'GuestShutdown' } },
    actions: ['finish'],
    write: true,
  },
  'a guest that does not pass its liveness probe has failed': {
    from: { step: 'running' },
    input: { on: 'unhealthy', message: 'port 22 refused' },
    to: { step: 'ended', outcome: { reason: 'LivenessProbeFailed' } },
    actions: ['finish'],
    write: true,
  },
  'prepared: QEMU is launched': {
    from: { step: 'preparing' },
    input: { on: 'prepared' },
    to: { step: 'starting' },
    actions: ['launch'],
    write: true,
  },
  'prepared for a migration: QEMU is launched to wait for it': {
    from: { step: 'preparing' },
    input: { on: 'prepared', incoming: true },
    to: { step: 'incoming' },
    actions: ['launch'],
    write: true,
  },
  'not to be prepared: the run ends with the reason': {
    from: { step: 'preparing' },
    input: { on: 'failed', outcome: failure },
    to: { step: 'ended', outcome: failure },
    actions: ['finish'],
    write: true,
  },
  'a stop before the guest ran is no crash': {
    from: { step: 'preparing' },
    input: soon,
    to: { step: 'ended', outcome: { reason: 'Stopped' } },
    actions: ['finish'],
    write: true,
  },
  'a stop while QEMU starts ends it at once': {
    from: { step: 'starting' },
    input: soon,
    to: { step: 'ended', outcome: { reason: 'Stopped' } },
    actions: ['finish'],
    write: true,
  },
  'a started QEMU greets: its guest is let run': {
    from: { step: 'starting' },
    input: prelaunch,
    to: { step: 'starting' },
    actions: ['continue'],
  },
  'a guest that is to start paused is running, paused': {
    from: { step: 'starting' },
    input: { ...prelaunch, startPaused: true },
    to: { step: 'running', paused: 'PausedByUser' },
    write: true,
  },
  'the guest runs': { from: { step: 'starting' }, input: { on: 'resumed' }, to: { step: 'running' }, write: true },
  'a QEMU that ends while it starts says why': {
    from: { step: 'starting' },
    input: died,
    to: { step: 'ended', outcome: { reason: 'LaunchError' } },
    actions: ['finish'],
    write: true,
  },
  'a slow start is no failed one': {
    from: { step: 'starting' },
    input: { on: 'silent', why: 'NoGreeting' },
    to: { step: 'starting', hung: 'NoGreeting' },
  },
  'it goes on when QEMU greets after all': {
    from: { step: 'starting', hung: 'NoGreeting' },
    input: prelaunch,
    to: { step: 'starting', hung: undefined },
    actions: ['continue'],
  },
  'a guest that arrives by migration runs': {
    from: { step: 'incoming' },
    input: { on: 'resumed' },
    to: { step: 'running' },
    write: true,
  },
  'one that has not arrived yet waits': {
    from: { step: 'incoming' },
    input: { on: 'answered', status: 'inmigrate' },
    to: { step: 'incoming' },
  },
  'a silent monitor is no death': {
    from: { step: 'running' },
    input: { on: 'silent', why: 'NoAnswer' },
    to: { step: 'running', hung: 'NoAnswer' },
  },
  'a hung guest that answers again runs as before': {
    from: { step: 'running', hung: 'NoAnswer' },
    input: { on: 'answered', status: 'running' },
    to: { step: 'running', hung: undefined },
  },
  'one that shut down while nobody listened has ended': {
    from: { step: 'running', hung: 'NoAnswer' },
    input: { on: 'answered', status: 'shutdown' },
    to: { step: 'ended', hung: undefined, outcome: { reason: 'GuestShutdown' } },
    actions: ['finish'],
    write: true,
  },
  'a dead process is death': {
    from: { step: 'running', hung: 'MonitorGone' },
    input: died,
    to: { step: 'ended', outcome: { reason: 'QemuGone' } },
    actions: ['finish'],
    write: true,
  },
  'a stop asks the guest and sets its time': {
    from: { step: 'running' },
    input: soon,
    to: { step: 'stopping', dueMs: 5000 },
    actions: ['arm', 'press'],
    write: true,
  },
  'a paused guest is let run first, else it could not react': {
    from: { step: 'running', paused: 'PausedByUser' },
    input: soon,
    to: { step: 'stopping' },
    actions: ['continue', 'arm', 'press'],
    write: true,
  },
  'a later end does not prolong the time': {
    from: { step: 'stopping', dueMs: 4000 },
    input: soon,
    to: { dueMs: 4000 },
  },
  'an earlier one shortens it, to nothing if need be': {
    from: { step: 'stopping', dueMs: 4000 },
    input: atOnce,
    to: { dueMs: 0, killed: true },
    actions: ['kill'],
    write: true,
  },
  'time is up: that we kill is on disk before we do': {
    from: { step: 'stopping', dueMs: 4000 },
    input: { on: 'due' },
    to: { step: 'stopping', killed: true },
    actions: ['kill'],
    write: true,
  },
  'an end by that kill is reported as what it is': {
    from: { step: 'stopping', dueMs: 4000, killed: true },
    input: died,
    to: { outcome: { reason: 'Killed' } },
    actions: ['finish'],
    write: true,
  },
  'so is one that the next agent finds': {
    from: { step: 'stopping', dueMs: 4000, killed: true },
    input: { on: 'shutdown', reason: 'host-signal' },
    to: { outcome: { reason: 'Killed' } },
    actions: ['finish'],
    write: true,
  },
  'a QEMU killed by others while the guest shuts down is not our doing': {
    from: { step: 'stopping', dueMs: 4000 },
    input: died,
    to: { outcome: { reason: 'QemuGone' } },
    actions: ['finish'],
    write: true,
  },
  'an adopted guest that was asked to shut down is asked again, within its first time': {
    from: { step: 'stopping', dueMs: 4000 },
    input: { on: 'answered', status: 'running' },
    to: { step: 'stopping', dueMs: 4000 },
    actions: ['arm', 'press'],
  },
  'a full disk pauses the guest': {
    from: { step: 'running' },
    input: { on: 'paused', status: 'io-error', noRoom: true },
    to: { step: 'running', paused: 'PausedIOError', noRoom: true },
  },
  'room lets it go on': {
    from: { step: 'running', paused: 'PausedIOError', noRoom: true },
    input: { on: 'room' },
    to: { noRoom: undefined },
    actions: ['continue'],
  },
  'room is nothing to a guest that its user paused': {
    from: { step: 'running', paused: 'PausedByUser' },
    input: { on: 'room' },
    to: { paused: 'PausedByUser' },
  },
  'a guest is sent to another node': {
    from: { step: 'running' },
    input: { on: 'migrate' },
    to: { step: 'migrating-out' },
    write: true,
  },
  'a failed migration leaves it here': {
    from: { step: 'migrating-out' },
    input: { on: 'migration-failed' },
    to: { step: 'running' },
    write: true,
  },
  'a finished one ends the run well': {
    from: { step: 'migrating-out' },
    input: { on: 'migrated' },
    to: { outcome: { reason: 'Migrated' } },
    actions: ['finish'],
    write: true,
  },
  'a migrated guest found by the next agent is not let run twice': {
    from: { step: 'migrating-out' },
    input: { on: 'answered', status: 'postmigrate' },
    to: { outcome: { reason: 'Migrated' } },
    actions: ['finish'],
    write: true,
  },
  'a guest that panics has failed': {
    from: { step: 'running' },
    input: { on: 'panicked' },
    to: { outcome: { reason: 'GuestPanicked' } },
    actions: ['finish'],
    write: true,
  },
}

describe('a run', () => {
  it.each(Object.entries(rows))('%s', (_, { from, input, to, actions = [], write = false }) => {
    const result = next(from, input)
    expect(result.state).toMatchObject(
      Object.fromEntries(Object.entries(to).filter(([, value]) => value !== undefined)),
    )
    for (const [key, value] of Object.entries(to)) if (value === undefined) expect(result.state).not.toHaveProperty(key)
    expect(result.actions).toEqual(actions)
    expect(result.write).toBe(write)
  })
})

const inputs: Input[] = [
  ...Object.values(rows).map(({ input }) => input),
  { on: 'paused', status: 'paused' },
  { on: 'shutdown', reason: 'guest-shutdown' },
]

test('one that has ended stays as it ended', () => {
  const ended: Lifecycle = { step: 'ended', outcome: failure }
  for (const input of inputs) expect(next(ended, input)).toEqual({ state: ended, write: false, actions: [] })
})

test('from every state that can be reached, every input leads to a state with its invariants', () => {
  const seen = new Map<string, Lifecycle>()
  const open: Lifecycle[] = [{ step: 'preparing' }]
  for (let state = open.pop(); state; state = open.pop()) {
    // The same fields are the same state, in whatever order they came.
    const key = JSON.stringify(Object.entries(state).toSorted(([a], [b]) => a.localeCompare(b)))
    if (seen.has(key)) continue
    seen.set(key, state)
    for (const input of inputs) {
      const { state: after, actions } = next(state, input)
      expect(after.step === 'ended', JSON.stringify({ state, input, after })).toBe(after.outcome !== undefined)
      expect(actions.includes('finish')).toBe(after.step === 'ended' && state.step !== 'ended')
      if (after.step === 'stopping') expect(after.dueMs).toBeDefined()
      if (actions.includes('kill')) expect(after.killed).toBe(true)
      if (input.on === 'silent') expect(after.step).toBe(state.step)
      open.push(after)
    }
  }
  expect(seen.size).toBeGreaterThan(20)
})
