import type { Pod } from '@thresher/api/core/pod'
import type { Condition } from '@thresher/api/meta'
import { managementAddress, type PodNic } from '@thresher/api/pod-network'
import { formatTime, setCondition } from '@thresher/client/conditions'
import type { Outcome } from './run-state.ts'
import type { RunView } from './run-view.ts'

type PodStatus = NonNullable<Pod['status']>

/** The launcher pod's status while its guest runs. Pure. */
export function runningPodStatus(pod: Pod, view: RunView, nics: PodNic[], hostIP: string, now: Date): PodStatus {
  const startedAt = view.startedAt ? formatTime(new Date(view.startedAt)) : formatTime(now)
  const podIP = managementAddress(nics)
  let conditions: Condition[] = (pod.status?.conditions ?? []) as Condition[]
  conditions = setCondition(conditions, { type: 'Initialized', status: 'True' }, now)
  const ready = isReady(view)
  const { message = '' } = view.readiness ?? {}
  for (const type of ['ContainersReady', 'Ready'])
    conditions = setCondition(
      conditions,
      ready ? { type, status: 'True' } : { type, status: 'False', reason: 'ContainersNotReady', message },
      now,
    )
  const [container] = pod.spec.containers
  return {
    ...pod.status,
    phase: 'Running',
    conditions: conditions as PodStatus['conditions'],
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP ? { podIP, podIPs: [{ ip: podIP }] } : {}),
    startTime: pod.status?.startTime ?? startedAt,
    containerStatuses: [
      {
        name: container?.name ?? 'compute',
        image: container?.image ?? '',
        imageID: '',
        ready,
        started: true,
        restartCount: 0,
        ...(view.process ? { containerID: `qemu://${view.process.pid}` } : {}),
        state: { running: { startedAt } },
      },
    ],
  }
}

/** Whether a pod's status says of its guest what is so. */
export function isCurrent({ status }: Pod, view: RunView): boolean {
  return status?.phase === 'Running' && status.containerStatuses?.[0]?.ready === isReady(view)
}

function isReady({ readiness }: RunView): boolean {
  return readiness?.passing ?? true
}

/** The launcher pod's status after its guest ended, or when it never ran. Pure. */
export function endedPodStatus(pod: Pod, outcome: Outcome, now: Date): PodStatus {
  const finishedAt = formatTime(now)
  let conditions: Condition[] = (pod.status?.conditions ?? []) as Condition[]
  for (const type of ['ContainersReady', 'Ready'])
    conditions = setCondition(conditions, { type, status: 'False', reason: 'PodCompleted' }, now)
  const [container] = pod.spec.containers
  const before = pod.status?.containerStatuses?.[0]
  return {
    ...pod.status,
    phase: outcome.phase,
    conditions: conditions as PodStatus['conditions'],
    ...(outcome.phase === 'Failed' ? { reason: outcome.reason, message: outcome.message } : {}),
    containerStatuses: [
      {
        name: container?.name ?? 'compute',
        image: container?.image ?? '',
        imageID: '',
        ready: false,
        started: false,
        restartCount: 0,
        ...(before?.containerID ? { containerID: before.containerID } : {}),
        state: {
          terminated: {
            exitCode: outcome.phase === 'Succeeded' ? 0 : 1,
            reason: outcome.phase === 'Succeeded' ? 'Completed' : outcome.reason,
            message: outcome.message,
            ...(before?.state?.running?.startedAt ? { startedAt: before.state.running.startedAt } : {}),
            finishedAt,
          },
        },
      },
    ],
  }
}
