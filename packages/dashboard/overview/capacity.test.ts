import { expect, test } from 'vitest'
import type { Node } from '@thresher/api/core/node'
import type { Pod } from '@thresher/api/core/pod'
import { loadOf, roomFor, sumOf } from './capacity.ts'

const node: Node = { metadata: { name: 'a' }, spec: {}, status: { allocatable: { cpu: '8', memory: '32Gi' } } }
const pod = (nodeName: string, phase: string, cpu: string, memory: string): Pod => ({
  metadata: { name: phase },
  spec: { nodeName, containers: [{ name: 'compute', resources: { requests: { cpu, memory } } }] },
  status: { phase },
})

test('a host’s load is what living pods on it ask for', () => {
  const pods = [pod('a', 'Running', '1500m', '6Gi'), pod('a', 'Failed', '4', '16Gi'), pod('b', 'Running', '1', '1Gi')]
  expect(loadOf(node, pods)).toEqual({
    cpu: 8000,
    cpuUsed: 1500,
    memory: 32 * 2 ** 30,
    memoryUsed: 6 * 2 ** 30,
    pods: 1,
  })
})

test('room is counted host by host: two halves of a machine do not make one', () => {
  const free = (memory: number, cpu = 8000) => ({ cpu, cpuUsed: 0, memory: memory * 2 ** 30, memoryUsed: 0, pods: 0 })
  expect(roomFor([free(7), free(7)])).toBe(2)
  expect(roomFor([free(64, 3000)])).toBe(3)
  expect(roomFor([{ ...free(4), memoryUsed: 5 * 2 ** 30 }])).toBe(0)
  expect(sumOf([free(7), free(7)]).memory).toBe(14 * 2 ** 30)
})
