import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VirtualMachineStatus } from '@thresher/api/kubevirt/virtual-machine-status'
import { machineFinalizer } from '../names.ts'
import { countFailure, runTimeMs, settledMs, type StartFailure } from './crash-backoff.ts'
import { instanceOf } from './instance.ts'
import { runStrategyOf } from './run-strategy.ts'

/** All that decides what happens to a virtual machine next. */
export interface MachineView {
  machine: VirtualMachine
  /** The instance of the machine's name, ours or not. */
  instance: VirtualMachineInstance | undefined
  /** Claims of the machine's annotation that do not exist. */
  missingClaims: PersistentVolumeClaim[]
  /** Names of claims that are to go with the machine and are still there. */
  leftClaims: string[]
  now: Date
}

export type MachineStep =
  | { do: 'nothing' }
  /** The machine lacks its finalizer; put it on before anything is made. */
  | { do: 'guard' }
  | { do: 'create-claims'; claims: PersistentVolumeClaim[]; next: MachineStep }
  | { do: 'start'; instance: VirtualMachineInstance }
  | { do: 'stop'; instance: VirtualMachineInstance }
  /** Look again then: a crashed machine waits before its next start. */
  | { do: 'wait'; ms: number }
  | { do: 'delete-claims'; names: string[] }
  /** All is gone; let the machine go too. */
  | { do: 'release' }

type Request = NonNullable<VirtualMachineStatus['stateChangeRequests']>[number]

export interface MachinePlan {
  step: MachineStep
  /** Requests that are not fulfilled by then. */
  requests: Request[]
  startFailure: StartFailure | undefined
}

/** What to do next for a virtual machine. No I/O, no clock. */
export function planMachine(view: MachineView): MachinePlan {
  const { machine, now } = view
  const ours = view.instance?.metadata.ownerReferences?.some(({ uid }) => uid === machine.metadata.uid)
  const instance = ours ? view.instance : undefined
  const requests = machine.status?.stateChangeRequests ?? []
  const startFailure = machine.status?.startFailure
  /** Without further words, requests and failures stay as they are. */
  const plan = (step: MachineStep, words: Partial<Omit<MachinePlan, 'step'>> = {}): MachinePlan => ({
    step,
    requests,
    startFailure,
    ...words,
  })

  if (machine.metadata.deletionTimestamp) return plan(planDeletion(view, instance), { requests: [] })
  if (!machine.metadata.finalizers?.includes(machineFinalizer)) return plan({ do: 'guard' })
  // Someone else's instance has the name: nothing can be started until it goes, and the status says so.
  if (view.instance && !ours) return plan({ do: 'nothing' })
  const open = openRequests(requests, instance)
  if (instance) {
    const failed = endOf(instance) === 'Failed'
    const failure = failed ? countFailure(startFailure, instance, now) : settle(startFailure, instance, now)
    const step = planRunning(view, instance, open, failure)
    // The wish to run again must outlive the failed instance, which is cleared away first.
    const again = failed && step.do === 'stop' && runStrategyOf(machine) === 'RerunOnFailure' && !asks(open, 'Stop')
    return plan(step, {
      requests: again && !asks(open, 'Start') ? [...open, { action: 'Start', data: afterFailure }] : open,
      startFailure: failure,
    })
  }
  const { missingClaims: claims } = view
  const withClaims = (next: MachineStep): MachineStep =>
    claims.length > 0 ? { do: 'create-claims', claims, next } : next
  if (!shouldStart(machine, open)) return plan(withClaims({ do: 'nothing' }), { requests: open })
  const starts = open.filter(({ action }) => action === 'Start')
  const onRequest = starts.some(({ data }) => !data?.['after'])
  const waitMs = startFailure?.retryAfterTimestamp ? Date.parse(startFailure.retryAfterTimestamp) - now.getTime() : 0
  if (waitMs > 0 && !onRequest) return plan({ do: 'wait', ms: waitMs }, { requests: open })
  const paused = starts.some(({ data }) => data?.['paused'] === 'true')
  const start: MachineStep = { do: 'start', instance: instanceOf(machine, paused) }
  return plan(withClaims(start), {
    requests: open.filter(({ action }) => action !== 'Start'),
    startFailure: onRequest ? undefined : startFailure,
  })
}

/** Marks a Start that follows a crash and not a person's wish, so that it waits out the back-off. */
const afterFailure = { after: 'Failure' }

function asks(requests: Request[], action: string): boolean {
  return requests.some((request) => request.action === action)
}

function planDeletion(view: MachineView, instance: VirtualMachineInstance | undefined): MachineStep {
  if (instance) return instance.metadata.deletionTimestamp ? { do: 'nothing' } : { do: 'stop', instance }
  if (view.leftClaims.length > 0) return { do: 'delete-claims', names: view.leftClaims }
  return view.machine.metadata.finalizers?.includes(machineFinalizer) ? { do: 'release' } : { do: 'nothing' }
}

/** Requests that still ask for something: a stop is done when its instance is gone, a start when one runs. */
function openRequests(requests: Request[], instance: VirtualMachineInstance | undefined): Request[] {
  const stops = requests.filter(
    ({ action, uid }) => action === 'Stop' && instance !== undefined && (!uid || uid === instance.metadata.uid),
  )
  const runs = instance !== undefined && !endOf(instance) && !instance.metadata.deletionTimestamp
  if (runs && stops.length === 0) return []
  return [...stops, ...requests.filter(({ action }) => action === 'Start')]
}

/** With an instance: stop it, clear it away, or leave it. */
function planRunning(
  view: MachineView,
  instance: VirtualMachineInstance,
  requests: Request[],
  failure: StartFailure | undefined,
): MachineStep {
  if (instance.metadata.deletionTimestamp) return { do: 'nothing' }
  const { machine, now } = view
  const stop: MachineStep = { do: 'stop', instance }
  const strategy = runStrategyOf(machine)
  if (strategy === 'Halted' || asks(requests, 'Stop')) return stop
  const ended = endOf(instance)
  if (!ended) {
    const ranMs = runTimeMs(instance, now)
    // Once it has run for a while its failures are forgotten; until then look again.
    return failure && ranMs !== undefined ? { do: 'wait', ms: Math.max(settledMs - ranMs, 1) } : { do: 'nothing' }
  }
  if (asks(requests, 'Start') || strategy === 'Always') return stop
  // A guest that shut itself down stays as a finished instance, as KubeVirt has it; one that crashed runs again.
  return strategy === 'RerunOnFailure' && ended === 'Failed' ? stop : { do: 'nothing' }
}

/** Without an instance: whether there should be one. */
function shouldStart(machine: VirtualMachine, requests: Request[]): boolean {
  const strategy = runStrategyOf(machine)
  if (strategy === 'Halted') return false
  if (strategy === 'Always' || asks(requests, 'Start')) return true
  // Chosen just now: run. Else it was stopped on request or shut itself down, and stays off.
  return strategy !== 'Manual' && machine.status?.runStrategy !== strategy
}

function settle(
  failure: StartFailure | undefined,
  instance: VirtualMachineInstance,
  now: Date,
): StartFailure | undefined {
  const ranMs = runTimeMs(instance, now)
  return ranMs !== undefined && ranMs >= settledMs ? undefined : failure
}

/** How a run ended, if it did. */
function endOf(instance: VirtualMachineInstance): 'Succeeded' | 'Failed' | undefined {
  const phase = instance.status?.phase
  return phase === 'Succeeded' || phase === 'Failed' ? phase : undefined
}
