import type { Node } from '@thresher/api/core/node'
import type { Pod } from '@thresher/api/core/pod'
import { parseBytes, parseCpu } from '@thresher/api/quantity'

/** What a host can give to guests and what of it is promised. CPU in thousandths, memory in bytes. */
export interface Load {
  cpu: number
  cpuUsed: number
  memory: number
  memoryUsed: number
  pods: number
}

/** What pods on a host ask for, beside what it can give. Pods that have ended ask for nothing. */
export function loadOf(node: Node, pods: readonly Pod[]): Load {
  const here = pods.filter(
    ({ spec, status }) =>
      spec.nodeName === node.metadata.name && !['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  )
  const load: Load = {
    cpu: parseCpu(node.status?.allocatable?.['cpu'] ?? 0),
    cpuUsed: 0,
    memory: parseBytes(node.status?.allocatable?.['memory'] ?? 0),
    memoryUsed: 0,
    pods: here.length,
  }
  for (const { spec } of here)
    for (const { resources } of spec.containers) {
      load.cpuUsed += parseCpu(resources?.requests?.['cpu'] ?? 0)
      load.memoryUsed += parseBytes(resources?.requests?.['memory'] ?? 0)
    }
  return load
}

/** What hosts have in all, what is kept for themselves included. */
export function capacityOf(nodes: readonly Node[]): { cpus: number; memoryBytes: number } {
  const sum = (of: (node: Node) => number) => nodes.reduce((total, node) => total + of(node), 0)
  return {
    cpus: sum(({ status }) => parseCpu(status?.capacity?.['cpu'] ?? 0)) / 1000,
    memoryBytes: sum(({ status }) => parseBytes(status?.capacity?.['memory'] ?? 0)),
  }
}

/** The size by which free room is said in words. */
export const exampleBytes = 4 * 1024 ** 3
const exampleCpu = 1000

/** How many machines of one CPU and 4 GiB still find a host. */
export function roomFor(loads: readonly Load[]): number {
  return loads.reduce((sum, { cpu, cpuUsed, memory, memoryUsed }) => {
    const byMemory = Math.max(0, Math.floor((memory - memoryUsed) / exampleBytes))
    const byCpu = Math.max(0, Math.floor((cpu - cpuUsed) / exampleCpu))
    return sum + Math.min(byMemory, byCpu)
  }, 0)
}

/** The sum of several hosts. */
export function sumOf(loads: readonly Load[]): Load {
  return loads.reduce(
    (sum, load) => ({
      cpu: sum.cpu + load.cpu,
      cpuUsed: sum.cpuUsed + load.cpuUsed,
      memory: sum.memory + load.memory,
      memoryUsed: sum.memoryUsed + load.memoryUsed,
      pods: sum.pods + load.pods,
    }),
    { cpu: 0, cpuUsed: 0, memory: 0, memoryUsed: 0, pods: 0 },
  )
}

const role = /^node-role\.kubernetes\.io\/(.+)$/

/** The roles of a host by its labels. */
export function roleNames(node: Node): string {
  return Object.keys(node.metadata.labels ?? {})
    .flatMap((label) => role.exec(label)?.[1] ?? [])
    .toSorted()
    .join(', ')
}
