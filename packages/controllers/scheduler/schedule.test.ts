import type { Node } from '@thresher/api/core/node'
import type { Pod } from '@thresher/api/core/pod'
import { expect, test } from 'vitest'
import { amountsOf, requestsOf } from './resources.ts'
import { schedule, type NodeState } from './schedule.ts'
import type { VolumeNeed } from './volumes.ts'

interface NodeWish {
  labels?: Record<string, string>
  taints?: { key: string; value?: string; effect: string }[]
  ready?: string
  cordoned?: boolean
  memory?: string
  pods?: Pod[]
}

function node(
  name: string,
  { labels, taints, ready = 'True', cordoned, memory = '8Gi', pods = [] }: NodeWish = {},
): NodeState {
  const used: Record<string, number> = {}
  for (const pod of pods)
    for (const [resource, amount] of Object.entries(requestsOf(pod))) used[resource] = (used[resource] ?? 0) + amount
  return {
    node: {
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec: { taints, unschedulable: cordoned },
      status: { conditions: [{ type: 'Ready', status: ready, message: 'no word' }] },
    } as Node,
    allocatable: amountsOf({ cpu: '4', memory, pods: '10' }),
    pods,
    used,
  }
}

function pod(memory: string, spec: Partial<Pod['spec']> = {}, labels: Record<string, string> = {}): Pod {
  return {
    metadata: { name: 'web', namespace: 'default', labels },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m', memory } } }], ...spec },
  } as Pod
}

const place = (each: Pod, states: NodeState[], volumes: VolumeNeed[] = []) =>
  schedule(each, requestsOf(each), states, volumes)

test('the node with most room left is taken, and of equals the first by name', () => {
  expect(place(pod('1Gi'), [node('b'), node('a')])).toEqual({ node: 'a' })
  expect(place(pod('1Gi'), [node('a', { pods: [pod('4Gi')] }), node('b')])).toEqual({ node: 'b' })
})

test('what is there is subtracted, and a shortage is told in numbers with what would help', () => {
  expect(place(pod('5Gi'), [node('a', { pods: [pod('4Gi')] }), node('b', { memory: '2Gi' })])).toEqual({
    unschedulable:
      'none of 2 nodes will do: 2 with too little memory (5 GiB of memory needed, at most 4 GiB of memory free); ask for less, stop something or add a node',
  })
})

test('each reason is counted', () => {
  const states = [
    node('a', { taints: [{ key: 'gpu', value: 'only', effect: 'NoSchedule' }] }),
    node('b', { cordoned: true }),
    node('c', { ready: 'Unknown' }),
  ]
  expect(place(pod('1Gi'), states)).toEqual({
    unschedulable:
      'none of 3 nodes will do: 1 with the taint gpu=only:NoSchedule that is not tolerated, 1 cordoned (uncordon to use), 1 not ready (no word); tolerate the taint or remove it, or bring a node back',
  })
})

test('without any node it says so', () => {
  expect(place(pod('1Gi'), [])).toEqual({ unschedulable: 'there are no nodes yet; start an agent on a host' })
})

test('tolerations, node selectors and node affinity are kept', () => {
  const tainted = node('a', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] })
  expect(place(pod('1Gi', { tolerations: [{ key: 'gpu', operator: 'Exists' }] }), [tainted])).toEqual({ node: 'a' })
  const states = [node('a', { labels: { disk: 'hdd' } }), node('b', { labels: { disk: 'ssd' } })]
  expect(place(pod('1Gi', { nodeSelector: { disk: 'ssd' } }), states)).toEqual({ node: 'b' })
  const term = { matchExpressions: [{ key: 'disk', operator: 'NotIn' as const, values: ['ssd'] }] }
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } }
  expect(place(pod('1Gi', { affinity }), states)).toEqual({ node: 'a' })
})

test('preferences count more than room, and PreferNoSchedule less than nothing', () => {
  const preference = { matchExpressions: [{ key: 'disk', operator: 'In' as const, values: ['ssd'] }] }
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] } }
  const states = [node('a'), node('b', { labels: { disk: 'ssd' }, pods: [pod('6Gi')] })]
  expect(place(pod('1Gi', { affinity }), states)).toEqual({ node: 'b' })
  const avoided = node('a', { taints: [{ key: 'old', effect: 'PreferNoSchedule' }] })
  expect(place(pod('1Gi'), [avoided, node('b', { pods: [pod('6Gi')] })])).toEqual({ node: 'b' })
})

test('machines of one set are kept apart, required or preferred', () => {
  const term = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchExpressions: [{ key: 'harvesterhci.io/creator', operator: 'Exists' }] },
  }
  const labels = { 'harvesterhci.io/creator': 'docker-machine-driver-harvester' }
  const taken = node('a', { pods: [pod('1Gi', {}, labels)] })
  const preferred = {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] },
  }
  expect(place(pod('1Gi', { affinity: preferred }, labels), [taken, node('b', { pods: [pod('6Gi')] })])).toEqual({
    node: 'b',
  })
  const required = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }
  expect(place(pod('1Gi', { affinity: required }, labels), [taken])).toHaveProperty('unschedulable')
  expect(place(pod('1Gi', { affinity: preferred }, labels), [taken])).toEqual({ node: 'a' })
})

test('topology spread keeps domains even', () => {
  const labels = { app: 'web' }
  const constraint = {
    maxSkew: 1,
    topologyKey: 'zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: labels },
  }
  const states = [
    node('a', { labels: { zone: 'x' }, pods: [pod('1Gi', {}, labels)] }),
    node('b', { labels: { zone: 'y' }, pods: [pod('6Gi')] }),
  ]
  expect(place(pod('1Gi', { topologySpreadConstraints: [constraint] }, labels), states)).toEqual({ node: 'b' })
})

test('a pod goes where its volume is, and says why when that node is full', () => {
  const nodes = {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In' as const, values: ['b'] }] },
    ],
  }
  expect(place(pod('1Gi'), [node('a'), node('b')], [{ claimName: 'root', nodes }])).toEqual({ node: 'b' })
  const elsewhere = [{ claimName: 'root', onlyNode: { name: 'c', why: 'the image default/debian is there' } }]
  expect(place(pod('1Gi'), [node('a')], elsewhere)).toEqual({
    unschedulable:
      'none of 1 node will do: 1 other than c, and the image default/debian is there; free the node that has the volume',
  })
  expect(
    place(pod('1Gi'), [node('a')], [{ claimName: 'root', blocked: 'the claim root does not exist; create it' }]),
  ).toEqual({ unschedulable: 'the claim root does not exist; create it' })
})
