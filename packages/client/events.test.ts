import { Event } from '@thresher/api/core/event'
import { ApiError } from '@thresher/api/error'
import { expect, test, vi } from 'vitest'
import { Client } from './client.ts'
import { EventRecorder } from './events.ts'
import { MemoryTransport } from './testing.ts'

const object = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'a', name: 'web', uid: 'u' } }

test('the same event again raises the count of the first', async () => {
  const client = new Client(new MemoryTransport())
  const recorder = new EventRecorder(client, 'test')
  for (let times = 0; times < 3; times++)
    recorder.record({ object, type: 'Warning', reason: 'Bad', message: 'It broke.' })
  recorder.record({ object, reason: 'Good', message: 'It works.' })
  await recorder.flushed()
  const events = (await client.resource(Event).list()).items
  expect(events.map((event) => [event.type, event.reason, event.count])).toEqual([
    ['Warning', 'Bad', 3],
    ['Normal', 'Good', 1],
  ])
  expect(events[0]?.involvedObject).toMatchObject({ kind: 'Pod', name: 'web', uid: 'u' })
})

const quick = { first: 1, most: 1 }

test('events that cannot be written as the server is away are written in their order when it is back', async () => {
  const transport = new MemoryTransport()
  const client = new Client(transport)
  let tries = 0
  transport.interfere = () => {
    if (++tries > 3) transport.interfere = undefined
    throw tries % 2 === 0 ? new ApiError('ServiceUnavailable', 'the disk is full') : new Error('away')
  }
  const recorder = new EventRecorder(client, 'test', '', quick)
  recorder.record({ object, reason: 'One', message: 'one' })
  recorder.record({ object, reason: 'Two', message: 'two' })
  const reasons = async () => (await client.resource(Event).list()).items.map(({ reason }) => reason)
  await vi.waitUntil(async () => tries > 3 && (await reasons()).length === 2)
  expect(await reasons()).toEqual(['One', 'Two'])
})

test('an event that the server refuses is dropped, and the next one goes on', async () => {
  const transport = new MemoryTransport()
  transport.interfere = () => {
    transport.interfere = undefined
    throw new ApiError('Forbidden', 'not here')
  }
  const recorder = new EventRecorder(new Client(transport), 'test', '', quick)
  recorder.record({ object, reason: 'One', message: 'one' })
  recorder.record({ object, reason: 'Two', message: 'two' })
  await recorder.flushed()
  expect(transport.requests).toHaveLength(2)
})
