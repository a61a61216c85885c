import type { Pod } from '@thresher/api/core/pod'
import { parseBytes, parseCpu } from '@thresher/api/quantity'

/** Amounts by resource name: CPU in thousandths of a core, all else in the resource's own unit (bytes, pieces). */
export type Amounts = Readonly<Record<string, number>>

/** Read a resource list. What is no quantity counts as nothing. */
export function amountsOf(list: Record<string, string> | undefined): Amounts {
  const amounts: Record<string, number> = {}
  for (const [name, quantity] of Object.entries(list ?? {})) {
    try {
      amounts[name] = name === 'cpu' ? parseCpu(quantity) : parseBytes(quantity)
    } catch {
      amounts[name] = 0
    }
  }
  return amounts
}

/** What a pod takes of its node: the sum of its containers, or the largest of its init containers where that is more. */
export function requestsOf(pod: Pod): Amounts {
  const sum: Record<string, number> = { pods: 1 }
  for (const container of pod.spec.containers)
    for (const [name, amount] of Object.entries(amountsOf(container.resources?.requests)))
      sum[name] = (sum[name] ?? 0) + amount
  for (const container of pod.spec.initContainers ?? [])
    for (const [name, amount] of Object.entries(amountsOf(container.resources?.requests)))
      sum[name] = Math.max(sum[name] ?? 0, amount)
  for (const [name, amount] of Object.entries(amountsOf(pod.spec.overhead))) sum[name] = (sum[name] ?? 0) + amount
  return sum
}

/** Write an amount for people: `1.5 CPUs`, `3.2 GiB of memory`. */
export function describeAmount(name: string, amount: number): string {
  if (name === 'cpu') return `${Number((amount / 1000).toFixed(2))} CPU`
  if (name === 'memory' || name.endsWith('storage') || name.startsWith('hugepages'))
    return `${describeBytes(amount)} of ${name}`
  return `${amount} ${name}`
}

function describeBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`
}
