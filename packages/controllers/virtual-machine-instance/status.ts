import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VirtualMachineInstanceStatus } from '@thresher/api/kubevirt/virtual-machine-instance-status'
import type { Condition } from '@thresher/api/meta'
import { formatTime, removeCondition, setCondition } from '@thresher/client/conditions'
import type { InstanceWord } from './plan.ts'

/** What is said of a guest that is yet to run; the machine says the same, which saves it a write. */
export const notStarted = 'the guest has not started yet'

/** An instance's status with a word put in. What the agent wrote stays. */
export function instanceStatus(
  instance: VirtualMachineInstance,
  word: InstanceWord,
  now: Date,
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
    conditions: conditionsWith(instance, word, now) as VirtualMachineInstanceStatus['conditions'],
  }
}

function conditionsWith(instance: VirtualMachineInstance, word: InstanceWord, now: Date): Condition[] {
  let conditions = (instance.status?.conditions ?? []) as Condition[]
  const ended = word.phase === 'Failed' || word.phase === 'Succeeded'
  if (word.phase && !(conditions.some(({ type }) => type === 'Ready') && !ended))
    conditions = setCondition(
      conditions,
      ended
        ? {
            type: 'Ready',
            status: 'False',
            reason: word.reason ?? 'GuestNotRunning',
            message: word.message ?? `the guest ended: ${word.reason ?? 'its agent gave no reason'}`,
          }
        : { type: 'Ready', status: 'False', reason: 'GuestNotRunning', message: notStarted },
      now,
    )
  conditions = word.trouble
    ? setCondition(conditions, { type: 'Synchronized', status: 'False', ...word.trouble }, now)
    : removeCondition(conditions, 'Synchronized')
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
  return conditions
}
