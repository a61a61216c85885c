import type { KubeObject } from '@thresher/api/meta'
import { compareQuantities, parseCpu } from '@thresher/api/quantity'
import type { AdmissionRequest, AdmissionStep } from '../admission.ts'
import type { Objects } from '../auth/objects.ts'
import { podAmounts, type Amounts, type CountedPod } from './quota/usage.ts'
import { isKind, refuse } from './refuse.ts'

interface LimitItem {
  type?: string
  max?: Amounts
  min?: Amounts
  default?: Amounts
  defaultRequest?: Amounts
  maxLimitRequestRatio?: Amounts
}
interface LimitRange extends KubeObject {
  spec?: { limits?: LimitItem[] }
}

/** Gives containers the defaults of a namespace's LimitRanges, and refuses what is outside of their bounds. */
export function limitRanger(objects: () => Objects): AdmissionStep {
  const items = (request: AdmissionRequest) =>
    [...objects().list<LimitRange>({ group: '', plural: 'limitranges' }, request.namespace)].flatMap(
      (range) => range.spec?.limits ?? [],
    )
  return {
    name: 'LimitRanger',
    mutate(request) {
      if (request.operation !== 'CREATE' || request.subresource !== '' || !isKind(request, '', 'pods')) return
      for (const item of items(request)) if (item.type === 'Container') fillDefaults(request.object as CountedPod, item)
    },
    validate(request) {
      if (request.subresource !== '' || !request.object) return
      const pod = isKind(request, '', 'pods') && request.operation === 'CREATE'
      const claim = isKind(request, '', 'persistentvolumeclaims')
      if (!pod && !claim) return
      const faults = items(request).flatMap((item) =>
        pod ? podFaults(request.object as CountedPod, item) : claimFaults(request.object as KubeObject, item),
      )
      if (faults.length > 0)
        throw refuse(request, faults.length === 1 ? (faults[0] as string) : `[${faults.join(', ')}]`)
    },
  }
}

function fillDefaults(pod: CountedPod, item: LimitItem): void {
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
    const resources = (container.resources ??= {})
    // A request that is not given follows the container's own limit before the range's default.
    const requests = { ...item.defaultRequest, ...resources.limits, ...resources.requests }
    const limits = { ...item.default, ...resources.limits }
    if (Object.keys(limits).length > 0) resources.limits = limits
    if (Object.keys(requests).length > 0) resources.requests = requests
  }
}

function podFaults(pod: CountedPod, item: LimitItem): string[] {
  if (item.type === 'Pod') return boundFaults('Pod', item, podAmounts(pod, 'requests'), podAmounts(pod, 'limits'))
  if (item.type !== 'Container') return []
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].flatMap(({ resources }) =>
    boundFaults('Container', item, { ...resources?.requests }, { ...resources?.limits }),
  )
}

function claimFaults(claim: KubeObject, item: LimitItem): string[] {
  if (item.type !== 'PersistentVolumeClaim') return []
  const requests = (claim as { spec?: { resources?: { requests?: Amounts } } }).spec?.resources?.requests ?? {}
  return boundFaults('PersistentVolumeClaim', item, requests, undefined)
}

/** @param limits undefined for kinds that have requests only */
function boundFaults(type: string, item: LimitItem, requests: Amounts, limits: Amounts | undefined): string[] {
  const faults: string[] = []
  for (const [name, min] of Object.entries(item.min ?? {})) {
    const request = requests[name]
    if (request === undefined) faults.push(`minimum ${name} usage per ${type} is ${min}.  No request is specified`)
    else if (compareQuantities(request, min) < 0)
      faults.push(`minimum ${name} usage per ${type} is ${min}, but request is ${request}`)
  }
  for (const [name, max] of Object.entries(item.max ?? {})) {
    const [word, amount] = limits ? (['limit', limits[name]] as const) : (['request', requests[name]] as const)
    if (amount === undefined) faults.push(`maximum ${name} usage per ${type} is ${max}.  No ${word} is specified`)
    else if (compareQuantities(amount, max) > 0)
      faults.push(`maximum ${name} usage per ${type} is ${max}, but ${word} is ${amount}`)
  }
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const request = requests[name]
    const limit = limits?.[name]
    if (request === undefined || limit === undefined) {
      faults.push(
        `${name} max limit to request ratio per ${type} is ${ratio}, but no request is specified or request is 0`,
      )
      continue
    }
    const provided = parseCpu(limit) / parseCpu(request)
    if (provided > parseCpu(ratio) / 1000)
      faults.push(
        `${name} max limit to request ratio per ${type} is ${ratio}, but provided ratio is ${provided.toFixed(6)}`,
      )
  }
  return faults
}
