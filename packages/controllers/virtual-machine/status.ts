import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VirtualMachineStatus } from '@thresher/api/kubevirt/virtual-machine-status'
import type { Condition } from '@thresher/api/meta'
import { findCondition, removeCondition, setCondition } from '@thresher/client/conditions'
import type { Refusal } from '@thresher/client/refused-error'
import { machineFieldsWithoutEffect } from '@thresher/api/kubevirt/fields/without-effect'
import { withFieldsCondition } from '../virtual-machine-instance/fields-condition.ts'
import { notStarted } from '../virtual-machine-instance/status.ts'
import type { MachinePlan } from './plan.ts'
import { printableStatus, type Standing } from './printable-status.ts'
import { restartReason } from './restart-required.ts'
import { runStrategyOf } from './run-strategy.ts'

/** Conditions that a machine shows as its instance has them. */
const mirrored = ['Paused', 'AgentConnected', 'LiveMigratable', 'StorageLiveMigratable', 'PodScheduled', 'Synchronized']

/** The status a machine should show, what others wrote in it kept. No I/O. */
export function machineStatus(
  machine: VirtualMachine,
  standing: Standing,
  plan: Pick<MachinePlan, 'requests' | 'startFailure'>,
  now: Date,
): VirtualMachineStatus {
  const { instance } = standing
  const { stateChangeRequests: _, startFailure: __, ...kept } = machine.status ?? {}
  const conditions = machineConditions(machine, standing, plan, now)
  return {
    ...kept,
    printableStatus: printableStatus(machine, standing),
    created: instance !== undefined,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    runStrategy: runStrategyOf(machine),
    desiredGeneration: machine.metadata.generation,
    observedGeneration: machine.metadata.generation,
    conditions,
    ...(plan.requests.length > 0 ? { stateChangeRequests: plan.requests } : {}),
    ...(plan.startFailure ? { startFailure: plan.startFailure } : {}),
  }
}

/**
 * The status of a machine for which nothing can be done now. What it was asked to do, and a run strategy that is yet to be acted
 * on, are kept for when it can.
 */
export function heldStatus(machine: VirtualMachine, standing: Standing, now: Date): VirtualMachineStatus {
  const { stateChangeRequests: requests = [], startFailure, runStrategy } = machine.status ?? {}
  const { runStrategy: _, ...status } = machineStatus(machine, standing, { requests, startFailure }, now)
  return runStrategy === undefined ? status : { ...status, runStrategy }
}

/**
 * The status of a machine for which the API refused to make something.
 *
 * @param instance of the machine's name, its own or not
 */
export function refusedMachineStatus(
  machine: VirtualMachine,
  instance: VirtualMachineInstance | undefined,
  refusal: Refusal,
  now: Date,
): VirtualMachineStatus {
  const own = instance?.metadata.ownerReferences?.some(({ uid }) => uid === machine.metadata.uid)
  const standing = {
    instance: own ? instance : undefined,
    trouble: refusal,
    refusal,
    provisioning: false,
    backingOff: false,
  }
  return heldStatus(machine, standing, now)
}

function machineConditions(
  machine: VirtualMachine,
  standing: Standing,
  plan: Pick<MachinePlan, 'startFailure'>,
  now: Date,
): VirtualMachineConditions {
  const { instance, trouble } = standing
  const theirs = (instance?.status?.conditions ?? []) as Condition[]
  let conditions = (machine.status?.conditions ?? []) as Condition[]
  const ready = findCondition(theirs, 'Ready')
  const ended = instance?.status?.phase === 'Succeeded' || instance?.status?.phase === 'Failed'
  conditions = setCondition(
    conditions,
    !instance
      ? { type: 'Ready', status: 'False', reason: 'VMINotExists', message: 'VMI does not exist' }
      : ready?.status === 'True' && !ended && instance.status?.phase === 'Running'
        ? { type: 'Ready', status: 'True' }
        : {
            type: 'Ready',
            status: 'False',
            reason: ready?.reason || 'GuestNotRunning',
            message: ready?.message || notStarted,
          },
    now,
  )
  for (const type of mirrored) {
    const found = type === 'Synchronized' ? unsynchronized(standing) : findCondition(theirs, type)
    conditions = found
      ? setCondition(
          conditions,
          { ...found, status: found.status as 'True', lastTransitionTime: undefined } as never,
          now,
        )
      : removeCondition(conditions, type)
  }
  const crash = findCondition(conditions, 'Failure')
  const failure =
    (trouble && trouble.reason !== 'Provisioning' ? trouble : undefined) ??
    crashOf(machine, standing, ready) ??
    // The failed instance is gone by now; why it failed is said until the next one runs.
    (plan.startFailure && crash && instance?.status?.phase !== 'Running'
      ? { reason: crash.reason, message: crash.message }
      : undefined)
  conditions = failure
    ? setCondition(conditions, { type: 'Failure', status: 'True', ...failure }, now)
    : removeCondition(conditions, 'Failure')
  const stale = instance && !ended ? restartReason(machine, instance) : undefined
  conditions = stale
    ? setCondition(
        conditions,
        { type: 'RestartRequired', status: 'True', reason: 'TemplateChanged', message: stale },
        now,
      )
    : removeCondition(conditions, 'RestartRequired')
  conditions = withFieldsCondition(conditions, machineFieldsWithoutEffect(machine.spec), now)
  return conditions as VirtualMachineConditions
}

/** What the API refused the machine itself, or keeps its instance from going on. */
function unsynchronized({ instance, refusal }: Standing): Condition | undefined {
  if (refusal) return { type: 'Synchronized', status: 'False', ...refusal }
  return findCondition((instance?.status?.conditions ?? []) as Condition[], 'Synchronized')
}

/** Why the last run failed, as its node's agent told. */
function crashOf(
  machine: VirtualMachine,
  { instance }: Standing,
  ready: Condition | undefined,
): { reason: string; message: string } | undefined {
  if (instance?.status?.phase !== 'Failed') return undefined
  const why = ready?.message || instance.status.reason || 'no reason is known'
  return { reason: instance.status.reason || 'GuestFailed', message: `${machine.metadata.name} failed: ${why}` }
}

type VirtualMachineConditions = NonNullable<VirtualMachineStatus['conditions']>
