import { addQuantities, compareQuantities } from '@thresher/api/quantity'
import type { KubeObject } from '@thresher/api/meta'

/** Amounts by resource name, as in a ResourceQuota's `hard`. */
export type Amounts = Record<string, string>

/** A pod as far as quotas count it. */
export interface CountedPod extends KubeObject {
  spec?: {
    containers?: CountedContainer[]
    initContainers?: (CountedContainer & { restartPolicy?: string })[]
    overhead?: Amounts
    activeDeadlineSeconds?: number
    priorityClassName?: string
  }
  status?: { phase?: string }
}

export interface CountedContainer {
  name?: string
  resources?: { requests?: Amounts; limits?: Amounts }
}

const counted: { [type: string]: string | undefined } = {
  '/pods': 'pods',
  '/services': 'services',
  '/secrets': 'secrets',
  '/configmaps': 'configmaps',
  '/persistentvolumeclaims': 'persistentvolumeclaims',
  '/replicationcontrollers': 'replicationcontrollers',
  '/resourcequotas': 'resourcequotas',
}

/** What one object takes from the quotas of its namespace. */
export function usageOf(type: { group: string; plural: string }, object: KubeObject): Amounts {
  const name = type.group ? `${type.plural}.${type.group}` : type.plural
  const usage: Amounts = { [`count/${name}`]: '1' }
  const plain = counted[`${type.group}/${type.plural}`]
  const finished = plain === 'pods' && isFinished(object as CountedPod)
  if (plain && !finished) usage[plain] = '1'
  if (plain === 'pods' && !finished) Object.assign(usage, podUsage(object as CountedPod))
  if (plain === 'persistentvolumeclaims') Object.assign(usage, claimUsage(object))
  if (plain === 'services') Object.assign(usage, serviceUsage(object))
  return usage
}

/** The sum, name by name. */
export function addAmounts(a: Amounts, b: Amounts): Amounts {
  const sum = { ...a }
  for (const [name, amount] of Object.entries(b)) sum[name] = addQuantities(sum[name] ?? '0', amount)
  return sum
}

function isFinished(pod: CountedPod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/**
 * What a pod asks for: its containers together with the init containers that run on beside them, or the largest other init
 * container if that is more, and the overhead.
 */
export function podAmounts(pod: CountedPod, which: 'requests' | 'limits'): Amounts {
  const amounts = (container: CountedContainer): Amounts => ({
    ...(which === 'requests' ? container.resources?.limits : {}),
    ...container.resources?.[which],
  })
  const init = pod.spec?.initContainers ?? []
  const beside = init.filter((container) => container.restartPolicy === 'Always')
  let total: Amounts = {}
  for (const container of [...(pod.spec?.containers ?? []), ...beside]) total = addAmounts(total, amounts(container))
  for (const container of init.filter((one) => one.restartPolicy !== 'Always'))
    for (const [name, amount] of Object.entries(amounts(container)))
      if (compareQuantities(amount, total[name] ?? '0') > 0) total[name] = amount
  for (const [name, amount] of Object.entries(pod.spec?.overhead ?? {}))
    if (which === 'requests' || total[name] !== undefined) total[name] = addQuantities(total[name] ?? '0', amount)
  return total
}

function podUsage(pod: CountedPod): Amounts {
  const usage: Amounts = {}
  for (const [name, amount] of Object.entries(podAmounts(pod, 'requests'))) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') usage[name] = amount
    usage[`requests.${name}`] = amount
  }
  for (const [name, amount] of Object.entries(podAmounts(pod, 'limits'))) usage[`limits.${name}`] = amount
  return usage
}

function claimUsage(object: KubeObject): Amounts {
  const { storageClassName, resources } =
    (object as { spec?: { storageClassName?: string; resources?: { requests?: Amounts } } }).spec ?? {}
  const storage = resources?.requests?.storage ?? '0'
  const usage: Amounts = { 'requests.storage': storage }
  if (storageClassName) {
    usage[`${storageClassName}.storageclass.storage.k8s.io/requests.storage`] = storage
    usage[`${storageClassName}.storageclass.storage.k8s.io/persistentvolumeclaims`] = '1'
  }
  return usage
}

function serviceUsage(object: KubeObject): Amounts {
  const {
    type,
    ports = [],
    allocateLoadBalancerNodePorts,
  } = (object as { spec?: { type?: string; ports?: { nodePort?: number }[]; allocateLoadBalancerNodePorts?: boolean } })
    .spec ?? {}
  if (type === 'NodePort') return { 'services.nodeports': String(ports.length) }
  if (type !== 'LoadBalancer') return {}
  const nodePorts =
    allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort).length : ports.length
  return { 'services.loadbalancers': '1', 'services.nodeports': String(nodePorts) }
}
