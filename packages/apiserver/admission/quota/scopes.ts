import type { KubeObject } from '@thresher/api/meta'
import type { CountedPod } from './usage.ts'

/** A ResourceQuota as far as admission reads it. */
export interface Quota extends KubeObject {
  spec?: {
    hard?: Record<string, string>
    scopes?: string[]
    scopeSelector?: { matchExpressions?: { scopeName: string; operator: string; values?: string[] }[] }
  }
  status?: { hard?: Record<string, string>; used?: Record<string, string> }
}

/** Whether the quota counts this object: one with scopes counts only pods, and of these only those in all of its scopes. */
export function inScope(quota: Quota, type: { group: string; plural: string }, object: KubeObject): boolean {
  const scopes = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []),
  ]
  if (scopes.length === 0) return true
  if (type.group !== '' || type.plural !== 'pods') return false
  const pod = object as CountedPod
  return scopes.every(({ scopeName, operator, values = [] }) => {
    switch (scopeName) {
      case 'Terminating':
        return pod.spec?.activeDeadlineSeconds !== undefined
      case 'NotTerminating':
        return pod.spec?.activeDeadlineSeconds === undefined
      case 'BestEffort':
        return isBestEffort(pod)
      case 'NotBestEffort':
        return !isBestEffort(pod)
      case 'PriorityClass': {
        const name = pod.spec?.priorityClassName ?? ''
        if (operator === 'Exists') return name !== ''
        if (operator === 'DoesNotExist') return name === ''
        return operator === 'In' ? values.includes(name) : !values.includes(name)
      }
      default:
        return false
    }
  })
}

function isBestEffort(pod: CountedPod): boolean {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  return containers.every(({ resources }) =>
    ['cpu', 'memory'].every(
      (name) => resources?.requests?.[name] === undefined && resources?.limits?.[name] === undefined,
    ),
  )
}
