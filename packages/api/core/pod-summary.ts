import type { Static } from 'typebox'
import type { ObjectMeta } from '../meta.ts'
import type { PodSpec } from './pod-spec.ts'
import type { PodStatus } from './pod-status.ts'

interface PodLike {
  metadata: ObjectMeta
  spec: PodSpec
  status?: Static<typeof PodStatus>
}

/** Ready containers of all: `1/2`. */
export function readyContainers(pod: PodLike): string {
  const ready = (pod.status?.containerStatuses ?? []).filter((container) => container.ready).length
  return `${ready}/${pod.spec.containers.length}`
}

/** How often containers were started again. */
export function restarts(pod: PodLike): string {
  return String((pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0))
}

/** One word for how a pod fares, as `kubectl get pods` words it. */
export function podPhrase(pod: PodLike): string {
  const status = pod.status
  if (pod.metadata.deletionTimestamp) return status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating'
  const gated = status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')
  if (gated) return 'SchedulingGated'
  const started = new Map((pod.spec.initContainers ?? []).map((container) => [container.name, container]))
  const inits = status?.initContainerStatuses ?? []
  for (const [index, init] of inits.entries()) {
    if (init.state?.terminated?.exitCode === 0) continue
    if (started.get(init.name)?.restartPolicy === 'Always' && init.started) continue
    const reason = init.state?.terminated
      ? init.state.terminated.reason || endOf(init.state.terminated)
      : init.state?.waiting?.reason
    return reason && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${index}/${inits.length}`
  }
  for (const container of (status?.containerStatuses ?? []).toReversed()) {
    const { waiting, terminated } = container.state ?? {}
    if (waiting?.reason) return waiting.reason
    if (terminated) return terminated.reason || endOf(terminated)
  }
  return status?.reason || status?.phase || 'Unknown'
}

function endOf({ signal, exitCode }: { signal?: number; exitCode: number }): string {
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}
