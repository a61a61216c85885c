import { setTimeout as delay } from 'node:timers/promises'
import { Lease } from '@thresher/api/coordination/lease'
import { Node } from '@thresher/api/core/node'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { MemoryTransport } from '@thresher/client/testing'
import { afterEach, expect, test } from 'vitest'
import { graceMs, nodeAfter, nodeLifecycleController } from './node-lifecycle.ts'

const now = new Date('2026-01-01T00:00:00Z')
const node = (status: 'True' | 'False' | 'Unknown', reason = 'KubeletReady'): Node =>
  ({ metadata: { name: 'n' }, status: { conditions: [{ type: 'Ready', status, reason }] } }) as Node

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})

test('a silent node becomes Unknown and is tainted, one that is heard again is as before', () => {
  const lost = nodeAfter(node('True'), 'silent', now)
  expect(lost.status?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' })
  expect(lost.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
    'node.kubernetes.io/unreachable:NoSchedule',
    'node.kubernetes.io/unreachable:NoExecute',
  ])
  const back = nodeAfter({ ...node('True'), ...lost }, 'heard', now)
  expect(back.status?.conditions?.[0]).toMatchObject({ status: 'True' })
  expect(back.spec?.taints).toBeUndefined()
})

test('a node that was lost stays so until its agent is heard by this process', () => {
  const lost = { ...node('True'), ...nodeAfter(node('True'), 'silent', now) }
  expect(nodeAfter(lost, 'unsure', now).status).toEqual(lost.status)
})

test('taints of others stay, and a node whose agent says it is not ready takes no new work', () => {
  const mine = { key: 'team', value: 'a', effect: 'NoSchedule' }
  const after = nodeAfter({ ...node('False'), spec: { taints: [mine] } } as Node, 'heard', now)
  expect(after.spec?.taints?.map(({ key }) => key)).toEqual([
    'team',
    'node.kubernetes.io/not-ready',
    'node.kubernetes.io/not-ready',
  ])
})

test('silence is measured by this process, whatever time the lease carries', async () => {
  let clockMs = 0
  const client = new Client(new MemoryTransport())
  await client.resource(Node).create(node('True'))
  const made = await client.resource(Node).get('n')
  await client.resource(Node).updateStatus({ ...made, status: node('True').status })
  await client.resource(Lease).create({
    metadata: { name: 'n', namespace: 'kube-node-lease' },
    spec: { renewTime: '1999-01-01T00:00:00.000000Z' },
  })
  await runControllers([nodeLifecycleController(() => clockMs)], {
    transport: client.transport,
    signal: stop.signal,
    component: 'test',
  })
  const renew = async (time: string): Promise<string | undefined> => {
    const lease = await client.resource(Lease).get('n', 'kube-node-lease')
    await client.resource(Lease).update({ ...lease, spec: { renewTime: time } })
    await delay(20)
    return (await client.resource(Node).get('n')).status?.conditions?.[0]?.status
  }
  await delay(20)
  clockMs = graceMs - 1
  expect(await renew('1999-01-01T00:00:10.000000Z')).toBe('True')
  clockMs += graceMs + 1
  await client.resource(Node).patch('n', undefined, { metadata: { labels: { look: 'again' } } })
  await delay(20)
  expect((await client.resource(Node).get('n')).status?.conditions?.[0]?.status).toBe('Unknown')
  expect(await renew('1999-01-01T00:00:20.000000Z')).toBe('True')
})
