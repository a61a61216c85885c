import type { Pod } from '@thresher/api/core/pod'
import type { PodDisruptionBudget } from '@thresher/api/policy/pod-disruption-budget'
import { expect, test } from 'vitest'
import { planBudget } from './plan.ts'

const now = new Date('2026-01-01T00:10:00Z')

function budget(spec: PodDisruptionBudget['spec'], status: PodDisruptionBudget['status'] = {}): PodDisruptionBudget {
  return { metadata: { name: 'keep', namespace: 'default', generation: 3 }, spec, status }
}

function pod(name: string, ready = true, more: Partial<Pod['metadata']> = {}): Pod {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'set-uid', controller: true }
  return {
    metadata: { name, namespace: 'default', ownerReferences: [owner], ...more },
    spec: { containers: [{ name: 'c', image: 'i' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

const three = [pod('a'), pod('b'), pod('c')]
const allowed = (spec: PodDisruptionBudget['spec'], pods = three, wanted?: number) =>
  planBudget(budget(spec), pods, () => wanted, now).status.disruptionsAllowed

test.each([
  [{ minAvailable: 2 }, 1],
  [{ minAvailable: 3 }, 0],
  [{ minAvailable: '50%' }, 1],
  [{ maxUnavailable: 2 }, 2],
  [{ maxUnavailable: '34%' }, 2],
  [{ maxUnavailable: 0 }, 0],
  [{}, 2],
])('of three healthy pods under %j, %i may go', (spec, count) => {
  expect(allowed(spec)).toBe(count)
})

test('a pod that is not ready, is going or was granted to go counts as missing', () => {
  const going = pod('c', true, { deletionTimestamp: '2026-01-01T00:09:59Z' })
  expect(allowed({ maxUnavailable: 1 }, [pod('a'), pod('b', false), pod('d')])).toBe(0)
  expect(allowed({ maxUnavailable: 1 }, [pod('a'), pod('b'), going])).toBe(0)
  const granted = budget({ maxUnavailable: 1 }, { disruptedPods: { c: '2026-01-01T00:09:00Z' } })
  const plan = planBudget(granted, three, () => undefined, now)
  expect(plan.status).toMatchObject({
    disruptionsAllowed: 0,
    currentHealthy: 2,
    disruptedPods: { c: expect.anything() },
  })
  expect(plan.afterMs).toBe(60_000)
})

test('a grant that came to nothing is forgotten', () => {
  const old = budget(
    { maxUnavailable: 1 },
    { disruptedPods: { c: '2026-01-01T00:07:00Z', gone: '2026-01-01T00:09:59Z' } },
  )
  const { status } = planBudget(old, three, () => undefined, now)
  expect(status.disruptedPods).toBeUndefined()
  expect(status.disruptionsAllowed).toBe(1)
})

test('parts are counted of what the workload is to have, not of what there is', () => {
  expect(allowed({ maxUnavailable: 1 }, [pod('a'), pod('b')], 3)).toBe(0)
  expect(planBudget(budget({ minAvailable: '50%' }), three, () => 6, now).status).toMatchObject({
    expectedPods: 6,
    desiredHealthy: 3,
    disruptionsAllowed: 0,
  })
})

test('the condition says whether something may go, for this generation', () => {
  const { status } = planBudget(budget({ minAvailable: 1 }), [], () => undefined, now)
  expect(status).toMatchObject({ observedGeneration: 3, expectedPods: 0, disruptionsAllowed: 0 })
  expect(status.conditions).toMatchObject([
    { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', observedGeneration: 3 },
  ])
})
