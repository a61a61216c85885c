import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '@thresher/api/error'
import { defineKind, type ObjectOf } from '@thresher/api/kind'
import { Type } from '@thresher/api/type'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Client, type ResourceClient } from './client.ts'
import { Informer } from './informer.ts'
import { MemoryTransport } from './testing.ts'

const Box = defineKind({
  group: 'test.io',
  version: 'v1',
  kind: 'Box',
  plural: 'boxes',
  namespaced: true,
  spec: Type.Object({ colour: Type.Optional(Type.String()) }),
})
type Box = ObjectOf<typeof Box>

let transport: MemoryTransport
let boxes: ResourceClient<Box>
let stop: AbortController

beforeEach(() => {
  transport = new MemoryTransport()
  boxes = new Client(transport).resource(Box)
  stop = new AbortController()
})
afterEach(() => stop.abort())

const box = (name: string, colour: string): Box => ({ metadata: { namespace: 'a', name }, spec: { colour } })

async function started(): Promise<{ informer: Informer<Box>; told: string[] }> {
  const told: string[] = []
  const informer = new Informer(boxes, { indexes: { colour: (each) => [each.spec?.colour ?? ''] } })
  informer.onChange(({ type, object }) => told.push(`${type} ${object.metadata.name} ${object.spec?.colour}`))
  void informer.run(stop.signal)
  await informer.synced
  return { informer, told }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 400) throw new Error('it did not come to pass within 4 s')
    await delay(10)
  }
}

test('it holds what was there, then follows changes', async () => {
  await boxes.create(box('one', 'red'))
  const { informer, told } = await started()
  await boxes.create(box('two', 'blue'))
  await boxes.patch('one', 'a', { spec: { colour: 'green' } })
  await boxes.delete('two', 'a')
  await until(() => told.length === 4)
  expect(told).toEqual(['added one red', 'added two blue', 'updated one green', 'deleted two blue'])
  expect(informer.list().map((each) => each.metadata.name)).toEqual(['one'])
})

test('an index follows the value', async () => {
  await boxes.create(box('one', 'red'))
  const { informer } = await started()
  expect(informer.byIndex('colour', 'red')).toHaveLength(1)
  await boxes.patch('one', 'a', { spec: { colour: 'blue' } })
  await until(() => informer.byIndex('colour', 'blue').length === 1)
  expect(informer.byIndex('colour', 'red')).toEqual([])
})

test('a cut watch goes on where it was, without a second list', async () => {
  const { told } = await started()
  transport.cutWatches()
  await boxes.create(box('one', 'red'))
  await until(() => told.length === 1)
  expect(transport.requests.filter((each) => each === 'GET /apis/test.io/v1/boxes')).toHaveLength(1)
})

test('after 410 it lists again and tells only the differences', async () => {
  await boxes.create(box('same', 'red'))
  await boxes.create(box('changed', 'red'))
  await boxes.create(box('gone', 'red'))
  const { told } = await started()
  told.length = 0
  transport.interfere = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  transport.cutWatches()
  await delay(20)
  transport.interfere = undefined
  await boxes.patch('changed', 'a', { spec: { colour: 'blue' } })
  await boxes.delete('gone', 'a')
  await boxes.create(box('new', 'red'))
  transport.compact()
  await until(() => told.length === 3)
  expect(told.sort()).toEqual(['added new red', 'deleted gone red', 'updated changed blue'])
})

test('one that was replaced while nobody looked is told as deleted and added', async () => {
  await boxes.create(box('one', 'red'))
  const { told } = await started()
  transport.interfere = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  transport.cutWatches()
  await delay(20)
  transport.interfere = undefined
  await boxes.delete('one', 'a')
  await boxes.create(box('one', 'blue'))
  transport.compact()
  await until(() => told.length === 3)
  expect(told).toEqual(['added one red', 'deleted one red', 'added one blue'])
})

test('the answer to an own write is seen at once and told only once', async () => {
  const { informer, told } = await started()
  const made = await boxes.create(box('one', 'red'))
  informer.observe(made)
  expect(informer.get('a/one')).toBe(made)
  await delay(20)
  informer.observe(made)
  expect(told).toEqual(['added one red'])
})

test('an own write that the watch has overtaken does not bring a deleted object back', async () => {
  const { informer, told } = await started()
  const made = await boxes.create(box('one', 'red'))
  await boxes.delete('one', 'a')
  await until(() => told.length === 2)
  informer.observe(made)
  expect(informer.list()).toEqual([])
})

test('an object that a handler or an index stumbles over keeps nothing else from being told', async () => {
  const errors: unknown[] = []
  const told: string[] = []
  const stumble = (): never => {
    throw new TypeError('spec is missing')
  }
  const informer = new Informer(boxes, { indexes: { broken: stumble }, onError: (error) => errors.push(error) })
  informer.onChange(stumble)
  informer.onChange(({ object }) => told.push(object.metadata.name ?? ''))
  void informer.run(stop.signal)
  await informer.synced
  await boxes.create(box('one', 'red'))
  await boxes.create(box('two', 'red'))
  await until(() => told.length === 2)
  expect(errors).toHaveLength(4)
  expect(informer.byIndex('broken', 'x')).toEqual([])
})

test('it keeps trying while the server is away and then syncs', async () => {
  const errors: unknown[] = []
  transport.interfere = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  const informer = new Informer(boxes, { onError: (error) => errors.push(error) })
  void informer.run(stop.signal)
  await until(() => errors.length > 0)
  transport.interfere = undefined
  await informer.synced
  expect(informer.hasSynced).toBe(true)
})

test('stopping before the first list rejects synced and leaves nothing running', async () => {
  transport.interfere = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  const informer = new Informer(boxes)
  const running = informer.run(stop.signal)
  stop.abort(new Error('stopped'))
  await running
  await expect(informer.synced).rejects.toThrow('stopped')
})
