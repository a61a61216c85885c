import { setTimeout as delay } from 'node:timers/promises'
import { Lease } from '@thresher/api/coordination/lease'
import { ApiError } from '@thresher/api/error'
import { afterEach, expect, test } from 'vitest'
import { Client } from '../client.ts'
import { electLeader } from './leader-election.ts'
import { MemoryTransport } from '../testing.ts'

const stops: AbortController[] = []
afterEach(() => stops.splice(0).forEach((stop) => stop.abort(new Error('test over'))))

interface Candidate {
  stop: AbortController
  leading(): boolean
  ended: Promise<void>
}

function candidate(transport: MemoryTransport, identity: string, leaseMs = 900): Candidate {
  const stop = new AbortController()
  stops.push(stop)
  let leading = false
  const ended = electLeader({
    client: new Client(transport),
    namespace: 'kube-system',
    name: 'controllers',
    identity,
    leaseMs,
    renewMs: leaseMs / 6,
    signal: stop.signal,
    async lead(signal) {
      leading = true
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      leading = false
    },
  })
  return { stop, leading: () => leading, ended }
}

test('one of two leads, and the other follows at once when it stops in order', async () => {
  const transport = new MemoryTransport()
  const first = candidate(transport, 'one')
  await delay(30)
  const second = candidate(transport, 'two')
  await delay(50)
  expect([first.leading(), second.leading()]).toEqual([true, false])
  first.stop.abort(new Error('stop'))
  await first.ended
  await delay(60)
  expect([first.leading(), second.leading()]).toEqual([false, true])
})

test('a dead leader is followed after its lease, whatever the clock in the lease says', async () => {
  const transport = new MemoryTransport()
  await new Client(transport).resource(Lease).create({
    metadata: { namespace: 'kube-system', name: 'controllers' },
    spec: { holderIdentity: 'dead', leaseDurationSeconds: 1, renewTime: '2099-01-01T00:00:00.000000Z' },
  })
  const other = candidate(transport, 'two', 600)
  await delay(500)
  expect(other.leading()).toBe(false)
  await delay(1000)
  expect(other.leading()).toBe(true)
})

test('a leader that cannot renew steps down before its lease is over', async () => {
  const transport = new MemoryTransport()
  const first = candidate(transport, 'one')
  await delay(50)
  expect(first.leading()).toBe(true)
  transport.interfere = (request) => {
    if (request.method === 'PUT') throw new ApiError('ServiceUnavailable', 'away')
  }
  await delay(1000)
  expect(first.leading()).toBe(false)
})

test('a candidate that comes back under its name leads at once', async () => {
  const transport = new MemoryTransport()
  await new Client(transport).resource(Lease).create({
    metadata: { namespace: 'kube-system', name: 'controllers' },
    spec: { holderIdentity: 'one', leaseDurationSeconds: 3600, renewTime: '2020-01-01T00:00:00.000000Z' },
  })
  const back = candidate(transport, 'one')
  await delay(50)
  expect(back.leading()).toBe(true)
})
