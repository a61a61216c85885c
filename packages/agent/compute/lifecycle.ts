import {
  guestPanicked,
  guestShutDown,
  migratedAway,
  notAlive,
  qemuGone,
  stoppedEarly,
  switchedOff,
} from './outcomes.ts'
import type { Outcome, RunStep } from './run-state.ts'
import { outcomeOfShutdown, verdictOfStatus, type PauseReason } from './verdict.ts'

/** Why a QEMU that lives cannot be spoken with. */
export type HungReason = 'NoGreeting' | 'NoAnswer' | 'MonitorGone'

/**
 * How far a run is. Plain data: what decides what comes next is all here.
 *
 * ```
 *            prepared     greeted, continued
 * preparing ─────────► starting ─────────► running ⇄ migrating-out
 *     │                    │                  │ stop       │ migrated
 *     │     incoming ──────┼── resumed ──────►│            │
 *     │        │           │                  ▼            │
 *     │        │           │               stopping        │
 *     ▼        ▼           ▼                  ▼            ▼
 *   ended ◄──────────────────────────────────────────────────     Succeeded | Failed
 * ```
 *
 * `hung` lies across these steps: QEMU lives but does not answer. Only its process's exit ends a run that nobody stopped.
 */
export interface Lifecycle {
  step: RunStep
  paused?: PauseReason
  /** The guest stands still because its node's disk is full; it goes on by itself when there is room. */
  noRoom?: true
  hung?: HungReason
  /** When the guest's time to shut down is over, in milliseconds since 1970. */
  dueMs?: number
  /** We killed QEMU, as the guest's time was over; on disk before the signal is sent. */
  killed?: true
  outcome?: Outcome
  /** The guest was asked to shut down, to be started again: until then, in milliseconds since 1970. */
  rebootDueMs?: number
  /** The guest has shut down and is being started again; on disk before it is. */
  restarting?: true
}

/** What happens to a run: requests, QEMU's events, timers, the end of its process. */
export type Input =
  /** Volumes, cards and seeds are there. */
  | { on: 'prepared'; incoming?: boolean }
  /** It could not be prepared or launched. */
  | { on: 'failed'; outcome: Outcome }
  /** QEMU's monitor answers, for the first time or again, with the guest's state. */
  | { on: 'answered'; status: string; startPaused?: boolean; nowMs?: number }
  /** QEMU lives but does not answer. */
  | { on: 'silent'; why: HungReason }
  /** The guest's processors run, by us or by a migration's arrival. */
  | { on: 'resumed' }
  /** The guest stands still, in this state. */
  | { on: 'paused'; status: string; noRoom?: boolean }
  /** QEMU's event SHUTDOWN. */
  | { on: 'shutdown'; reason: string; nowMs?: number }
  /** The guest is to restart itself by its power button, by then. */
  | { on: 'reboot'; dueMs: number }
  | { on: 'panicked' }
  /** The process is gone; `message` has what it wrote last. */
  | { on: 'exited'; message: string }
  /** Somebody wants the run to end by then. */
  | { on: 'stop'; dueMs: number; nowMs: number }
  /** The guest's time to shut down is over. */
  | { on: 'due' }
  /** The node's disk has room again. */
  | { on: 'room' }
  /** The guest does not pass its liveness probe any more; why, as a sentence. */
  | { on: 'unhealthy'; message: string }
  | { on: 'migrate' }
  | { on: 'migrated' }
  | { on: 'migration-failed' }

/** What the driver is to do, in this order. */
export type Action =
  | 'launch'
  /** Let the guest's processors run. */
  | 'continue'
  /** Set the timers of `dueMs`. */
  | 'arm'
  /** Ask the guest to shut down. */
  | 'press'
  | 'kill'
  /** Reset the machine, whose guest has shut down, and let it run. */
  | 'restart'
  /** End QEMU, give back what is held. */
  | 'finish'

/** What follows from an input. `write`: the state must be on disk before the actions. */
export interface Transition {
  state: Lifecycle
  write: boolean
  actions: Action[]
}

const persistent = ['step', 'dueMs', 'killed', 'outcome', 'rebootDueMs', 'restarting'] as const

/** What happens to a run in `state` on `input`. Pure; the same object comes back when nothing changes. */
export function next(state: Lifecycle, input: Input): Transition {
  const { actions = [], ...change } = state.step === 'ended' ? {} : react(state, input)
  const merged = clean({ ...state, ...change })
  const changed = (Object.keys({ ...state, ...merged }) as (keyof Lifecycle)[]).some(
    (key) => state[key] !== merged[key],
  )
  if (!changed) return { state, write: false, actions }
  return { state: merged, write: persistent.some((key) => state[key] !== merged[key]), actions }
}

type Change = Partial<{ [K in keyof Lifecycle]: Lifecycle[K] | undefined }> & { actions?: Action[] }

function react(state: Lifecycle, input: Input): Change {
  switch (input.on) {
    case 'prepared':
      return { step: input.incoming ? 'incoming' : 'starting', actions: ['launch'] }
    case 'failed':
      return end(state.dueMs === undefined ? input.outcome : stoppedEarly)
    case 'answered':
      return answered(state, input)
    case 'silent':
      return { hung: input.why }
    case 'resumed':
      return resumed(state)
    case 'paused':
      return { ...withStatus(state, input.status), ...(input.noRoom ? { noRoom: true } : {}) }
    case 'shutdown':
      return shutDown(state, outcomeOfShutdown(input.reason), input.nowMs) ?? end(endedFromOutside(state, input.reason))
    case 'reboot':
      return state.step === 'running' && !state.paused ? { rebootDueMs: input.dueMs, actions: ['press'] } : {}
    case 'panicked':
      return end(guestPanicked)
    case 'exited':
      return end(exitOutcome(state, input.message))
    case 'stop':
      return stop(state, input)
    case 'due':
      return state.step === 'stopping' ? { killed: true, actions: ['kill'] } : {}
    case 'room':
      return state.noRoom && state.step === 'running' ? { noRoom: undefined, actions: ['continue'] } : {}
    case 'unhealthy':
      return state.step === 'running' ? end({ ...notAlive, message: `${notAlive.message}: ${input.message}` }) : {}
    case 'migrate':
      return state.step === 'running' ? { step: 'migrating-out' } : {}
    case 'migration-failed':
      return state.step === 'migrating-out' ? { step: 'running' } : {}
    case 'migrated':
      return state.step === 'migrating-out' ? end(migratedAway) : {}
  }
}

/** The monitor answers: what happened while nobody listened is in the guest's state. */
function answered(
  state: Lifecycle,
  { status, startPaused = false, nowMs }: Extract<Input, { on: 'answered' }>,
): Change {
  const verdict = verdictOfStatus(status)
  if (verdict.is === 'ended') return { hung: undefined, ...shutDown(state, verdict.outcome, nowMs) }
  const change = { hung: undefined, ...withStatus(state, status, startPaused) }
  if (change.outcome || state.step !== 'stopping') return change
  return { ...change, actions: ['arm', 'press'] }
}

/** The guest has shut down, or crashed: the end, unless it is to start again. */
function shutDown(state: Lifecycle, outcome: Outcome | undefined, nowMs = Infinity): Change | undefined {
  if (!outcome) return undefined
  const inTime = nowMs <= (state.rebootDueMs ?? -Infinity) || state.restarting
  const again = state.step === 'running' && outcome === guestShutDown && inTime
  return again ? { rebootDueMs: undefined, restarting: true, actions: ['restart'] } : end(outcome)
}

function withStatus(state: Lifecycle, status: string, startPaused = false): Change {
  const verdict = verdictOfStatus(status)
  switch (verdict.is) {
    case 'ended':
      return end(verdict.outcome)
    case 'not started':
      if (state.restarting) return { actions: ['continue'] }
      if (state.step !== 'starting') return { paused: 'PausedByUser' }
      return startPaused ? { step: 'running', paused: 'PausedByUser' } : { actions: ['continue'] }
    case 'awaits migration':
      return {}
    case 'migrated':
      return state.step === 'migrating-out' ? end(migratedAway) : { paused: 'PausedUnknown' }
    case 'running':
      return resumed(state)
    case 'paused':
      return { ...(begun(state) ? {} : { step: 'running' as const }), paused: verdict.reason }
  }
}

function resumed(state: Lifecycle): Change {
  const runs = { paused: undefined, noRoom: undefined, restarting: undefined }
  return { ...(begun(state) ? {} : { step: 'running' as const }), ...runs }
}

/** Whether the guest has been let run before. */
function begun({ step }: Lifecycle): boolean {
  return step === 'running' || step === 'stopping' || step === 'migrating-out'
}

/** Asked again, the earlier end counts. */
function stop(state: Lifecycle, { dueMs, nowMs }: { dueMs: number; nowMs: number }): Change {
  if (!begun(state)) return { dueMs, ...end(stoppedEarly) }
  if (state.dueMs !== undefined && state.dueMs <= dueMs) return {}
  const change: Change = { step: 'stopping', dueMs }
  if (dueMs <= nowMs) return { ...change, killed: true, actions: ['kill'] }
  // A paused guest cannot react.
  return { ...change, actions: [...(state.paused ? (['continue'] as const) : []), 'arm', 'press'] }
}

function end(outcome: Outcome): Change {
  return {
    step: 'ended',
    outcome,
    rebootDueMs: undefined,
    restarting: undefined,
    paused: undefined,
    noRoom: undefined,
    hung: undefined,
    actions: ['finish'],
  }
}

function endedFromOutside(state: Lifecycle, reason: string): Outcome {
  return state.killed ? switchedOff : { ...qemuGone, message: `QEMU was ended from outside (${reason})` }
}

function exitOutcome(state: Lifecycle, message: string): Outcome {
  if (state.killed) return switchedOff
  if (state.dueMs !== undefined && !begun(state)) return stoppedEarly
  if (!begun(state))
    return { phase: 'Failed', reason: 'LaunchError', message: `QEMU ended before the guest was started: ${message}` }
  return { ...qemuGone, message: `QEMU ended unexpectedly: ${message}` }
}

function clean(state: { [K in keyof Lifecycle]: Lifecycle[K] | undefined }): Lifecycle {
  return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined)) as unknown as Lifecycle
}
