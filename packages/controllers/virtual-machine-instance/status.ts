import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VirtualMachineInstanceStatus } from '@thresher/api/kubevirt/virtual-machine-instance-status'
import type { Condition } from '@thresher/api/meta'
import { findCondition, formatTime, removeCondition, setCondition } from '@thresher/client/conditions'
import { withRefusal } from '@thresher/client/refusals'
import { fieldsWithoutEffect } from '@thresher/api/kubevirt/fields/without-effect'
import { withFieldsCondition } from './fields-condition.ts'
import { isRefusal, type Refusal } from '@thresher/client/refused-error'
import type { InstanceWord } from './plan.ts'

/** What is said of a guest that is yet to run; the machine says the same, which saves it a write. */
export const notStarted = 'the guest has not started yet'

/**
 * An instance's status with a word put in. What the agent wrote stays.
 *
 * @param refusalIsOver whether the API takes again what it refused
 */
export function instanceStatus(
  instance: VirtualMachineInstance,
  word: InstanceWord,
  now: Date,
  refusalIsOver = false,
): VirtualMachineInstanceStatus {
  const before = instance.status ?? {}
  const phase = word.phase ?? before.phase
  const transitions = before.phaseTransitionTimestamps ?? []
  const known = transitions.some((each) => each.phase === phase)
  return {
    ...before,
    phase,
    ...(word.reason ? { reason: word.reason } : {}),
    ...(word.nodeName ? { nodeName: word.nodeName } : {}),
    ...(word.podUid && word.nodeName ? { activePods: { [word.podUid]: word.nodeName } } : {}),
    phaseTransitionTimestamps: known
      ? transitions
      : [...transitions, { phase, phaseTransitionTimestamp: formatTime(now) }],
    conditions: conditionsWith(instance, word, now, refusalIsOver) as VirtualMachineInstanceStatus['conditions'],
  }
}

/** An instance's status when the API refused what its controller makes for it, or no longer does. */
export function refusedStatus(
  instance: VirtualMachineInstance,
  refusal: Refusal | undefined,
  now: Date,
): VirtualMachineInstanceStatus {
  const phase = instance.status?.phase || 'Pending'
  // Of one that has a pod the agent says how its guest fares.
  if (phase !== 'Pending') return withRefusal(instance.status, refusal, now)
  return instanceStatus(instance, { phase, trouble: refusal }, now, refusal === undefined)
}

function conditionsWith(
  instance: VirtualMachineInstance,
  word: InstanceWord,
  now: Date,
  refusalIsOver: boolean,
): Condition[] {
  let conditions = (instance.status?.conditions ?? []) as Condition[]
  const ended = word.phase === 'Failed' || word.phase === 'Succeeded'
  const waits = word.trouble?.message ?? notStarted
  const ready = findCondition(conditions, 'Ready')
  const saysWhy = ready?.message !== undefined && ready.message === findCondition(conditions, 'Synchronized')?.message
  // What the agent says of the guest stays; why it has no pod goes with the reason.
  if (word.phase && (!ready || ended || saysWhy || (word.trouble && word.phase === 'Pending')))
    conditions = setCondition(
      conditions,
      ended
        ? {
            type: 'Ready',
            status: 'False',
            reason: word.reason ?? 'GuestNotRunning',
            message: word.message ?? `the guest ended: ${word.reason ?? 'its agent gave no reason'}`,
          }
        : { type: 'Ready', status: 'False', reason: 'GuestNotRunning', message: waits },
      now,
    )
  if (word.trouble)
    conditions = setCondition(conditions, { type: 'Synchronized', status: 'False', ...word.trouble }, now)
  // What the API refuses stays until the one whom it refuses has got through, which may be another controller.
  else if (refusalIsOver || !isRefusal(findCondition(conditions, 'Synchronized')))
    conditions = removeCondition(conditions, 'Synchronized')
  conditions = word.unscheduled
    ? setCondition(
        conditions,
        {
          type: 'PodScheduled',
          status: 'False',
          reason: word.unscheduled.reason,
          message: word.unscheduled.message,
        },
        now,
      )
    : removeCondition(conditions, 'PodScheduled')
  return withFieldsCondition(conditions, fieldsWithoutEffect(instance.spec), now)
}
