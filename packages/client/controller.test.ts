import { setTimeout as delay } from 'node:timers/promises'
import { defineKind, type ObjectOf } from '@thresher/api/kind'
import { Type } from '@thresher/api/type'
import { afterEach, expect, test } from 'vitest'
import { Client } from './client.ts'
import { defineController, runControllers, TerminalError, watch, type Controller, type Running } from './controller.ts'
import { controllerKey, controllerReference } from './owner.ts'
import { noSubject } from './subject.ts'
import { MemoryTransport } from './testing.ts'

const Owner = defineKind({
  group: 'test.io',
  version: 'v1',
  kind: 'Owner',
  plural: 'owners',
  namespaced: true,
  spec: Type.Object({ size: Type.Optional(Type.Integer()) }),
  status: Type.Object({ seen: Type.Optional(Type.Integer()) }),
})
type Owner = ObjectOf<typeof Owner>
const Part = defineKind({ group: 'test.io', version: 'v1', kind: 'Part', plural: 'parts', namespaced: true })
type Part = ObjectOf<typeof Part>

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})

function run(transport: MemoryTransport, ...controllers: Controller[]): Promise<Running> {
  return runControllers(controllers, { transport, signal: stop.signal, component: 'test' })
}

const makesPart = defineController({
  name: 'makes-part',
  subject: noSubject,
  watches: [watch(Owner), watch(Part, (part) => controllerKey(part, Owner))],
  async reconcile(key, context) {
    const owner = context.objects(Owner).get(key)
    if (!owner || context.objects(Part).get(key)) return
    const { name, namespace } = owner.metadata
    await context.objects(Part).create({
      metadata: { name, namespace, ownerReferences: [controllerReference(Owner, owner)] },
    })
  },
})

test('what a controller owns is made again when it goes', async () => {
  const transport = new MemoryTransport()
  const client = new Client(transport)
  await client.resource<Owner>(Owner).create({ metadata: { namespace: 'a', name: 'one' } } as Owner)
  const { context, idle } = await run(transport, makesPart)
  await idle()
  const parts = client.resource<Part>(Part)
  const first = await parts.get('one', 'a')
  await parts.delete('one', 'a')
  await delay(20)
  await idle()
  expect((await parts.get('one', 'a')).metadata.uid).not.toBe(first.metadata.uid)
  expect(context.objects(Owner).list()).toHaveLength(1)
})

test('a failing key is tried again until it succeeds, others go on meanwhile', async () => {
  const transport = new MemoryTransport()
  const owners = new Client(transport).resource<Owner>(Owner)
  await owners.create({ metadata: { namespace: 'a', name: 'bad' } } as Owner)
  await owners.create({ metadata: { namespace: 'a', name: 'good' } } as Owner)
  const done: string[] = []
  let failures = 0
  await run(
    transport,
    defineController({
      name: 'fails',
      subject: noSubject,
      watches: [watch(Owner)],
      async reconcile(key) {
        if (key === 'a/bad' && failures++ < 3) throw new Error('not yet')
        done.push(key)
      },
    }),
  )
  await delay(150)
  expect(done).toEqual(['a/good', 'a/bad'])
})

test('what only the author can mend is not tried again until the object changes', async () => {
  const transport = new MemoryTransport()
  const owners = new Client(transport).resource<Owner>(Owner)
  await owners.create({ metadata: { namespace: 'a', name: 'bad' } } as Owner)
  let runs = 0
  await run(
    transport,
    defineController({
      name: 'terminal',
      subject: noSubject,
      watches: [watch(Owner)],
      async reconcile() {
        runs++
        throw new TerminalError('spec.size must be given')
      },
    }),
  )
  await delay(50)
  expect(runs).toBe(1)
  await owners.patch('bad', 'a', { spec: { size: 1 } })
  await delay(20)
  expect(runs).toBe(2)
})

test('a result asks for another look later', async () => {
  const transport = new MemoryTransport()
  const owners = new Client(transport).resource<Owner>(Owner)
  await owners.create({ metadata: { namespace: 'a', name: 'one' } } as Owner)
  let runs = 0
  await run(
    transport,
    defineController({
      name: 'later',
      subject: noSubject,
      watches: [watch(Owner)],
      async reconcile() {
        return ++runs < 3 ? { afterMs: 5 } : {}
      },
    }),
  )
  await delay(60)
  expect(runs).toBe(3)
})
