import { describe, expect, it } from 'vitest'
import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { deepClone, deepEqual, isObject, setOwn, type JsonObject } from '../schema/clone.ts'
import { applyJsonPatch, maxOperations } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import { applyStrategicPatch } from './strategic.ts'

function refusal(act: () => unknown): ApiError {
  try {
    act()
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was not refused')
}

/** Repeatable random numbers below `n` (mulberry32). */
function random(seed: number) {
  let state = seed
  return (n: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

function randomObject(below: (n: number) => number, depth: number): JsonObject {
  const object: JsonObject = {}
  for (let i = below(5); i >= 0; i--) {
    const key = `k${below(6)}`
    const kind = below(depth > 0 ? 5 : 3)
    object[key] =
      kind === 0
        ? below(10)
        : kind === 1
          ? `s${below(10)}`
          : kind === 2
            ? true
            : kind === 3
              ? [below(3), 'x']
              : randomObject(below, depth - 1)
  }
  return object
}

describe('JSON patch', () => {
  it('does what the examples of RFC 6902 do', () => {
    const apply = (document: unknown, ...operations: unknown[]) => applyJsonPatch(document, operations)
    expect(apply({ foo: 'bar' }, { op: 'add', path: '/baz', value: 'qux' })).toEqual({ foo: 'bar', baz: 'qux' })
    expect(apply({ foo: ['bar', 'baz'] }, { op: 'add', path: '/foo/1', value: 'qux' })).toEqual({
      foo: ['bar', 'qux', 'baz'],
    })
    expect(apply({ foo: ['bar'] }, { op: 'add', path: '/foo/-', value: ['abc'] })).toEqual({ foo: ['bar', ['abc']] })
    expect(apply({ baz: 1, foo: 2 }, { op: 'remove', path: '/baz' })).toEqual({ foo: 2 })
    expect(apply({ foo: ['a', 'b', 'c'] }, { op: 'remove', path: '/foo/1' })).toEqual({ foo: ['a', 'c'] })
    expect(apply({ baz: 'qux' }, { op: 'replace', path: '/baz', value: 'boo' })).toEqual({ baz: 'boo' })
    expect(apply({ a: { b: 1 }, c: {} }, { op: 'move', from: '/a/b', path: '/c/d' })).toEqual({ a: {}, c: { d: 1 } })
    expect(apply({ foo: ['all', 'grass', 'cows', 'eat'] }, { op: 'move', from: '/foo/1', path: '/foo/3' })).toEqual({
      foo: ['all', 'cows', 'eat', 'grass'],
    })
    expect(apply({ a: [1] }, { op: 'copy', from: '/a', path: '/b' })).toEqual({ a: [1], b: [1] })
    expect(
      apply({ 'a/b': 1, 'm~n': 2 }, { op: 'test', path: '/a~1b', value: 1 }, { op: 'test', path: '/m~0n', value: 2 }),
    ).toBeTruthy()
    expect(apply({ a: 1 }, { op: 'replace', path: '', value: [] })).toEqual([])
  })

  it('answers a failing test or a missing path with 422 and says which', () => {
    for (const operation of [
      { op: 'test', path: '/a', value: 2 },
      { op: 'remove', path: '/b' },
      { op: 'replace', path: '/b', value: 1 },
      { op: 'add', path: '/b/c', value: 1 },
      { op: 'add', path: '/l/5', value: 1 },
      { op: 'remove', path: '/l/-1' },
      { op: 'move', from: '/a', path: '/a/b' },
    ]) {
      const error = refusal(() => applyJsonPatch({ a: 1, l: [] }, [operation]))
      expect([error.code, error.reason]).toEqual([422, 'Invalid'])
      expect(error.message).toBe('the server rejected our request due to an error in our request')
      expect(error.details?.causes?.[0]?.message).toContain(operation.path)
    }
  })

  it('refuses what is no patch with 400, and too much with 413', () => {
    for (const patch of [
      {},
      null,
      [1],
      [{ op: 'fly', path: '/a' }],
      [{ op: 'add', path: 'a', value: 1 }],
      [{ op: 'add', path: '/a' }],
      [{ op: 'copy', path: '/a' }],
    ])
      expect(refusal(() => applyJsonPatch({}, patch)).code).toBe(400)
    const many = Array.from({ length: maxOperations + 1 }, () => ({ op: 'test', path: '/a', value: 1 }))
    expect(refusal(() => applyJsonPatch({ a: 1 }, many)).code).toBe(413)
    const doubling = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/c${i}` }))
    expect(refusal(() => applyJsonPatch({ a: 'x'.repeat(1000) }, doubling)).code).toBe(413)
  })

  it('leaves the document as it was and never reaches a prototype', () => {
    const document = { a: { b: [1] } }
    const result = applyJsonPatch(document, [{ op: 'add', path: '/a/b/-', value: 2 }])
    expect(document).toEqual({ a: { b: [1] } })
    expect(result).toEqual({ a: { b: [1, 2] } })
    applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }])
    expect(refusal(() => applyJsonPatch({}, [{ op: 'add', path: '/__proto__/polluted', value: true }])).code).toBe(422)
    expect(refusal(() => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])).code).toBe(
      422,
    )
    expect(({} as JsonObject)['polluted']).toBeUndefined()
  })
})

describe('merge patch', () => {
  it('does what the examples of RFC 7386 do', () => {
    const cases: [unknown, unknown, unknown][] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
      [{ a: 'b' }, { a: null }, {}],
      [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
      [
        ['a', 'b'],
        ['c', 'd'],
        ['c', 'd'],
      ],
      [{ a: 'b' }, ['c'], ['c']],
      [{ a: 'foo' }, null, null],
      [[1, 2], { a: 'b', c: null }, { a: 'b' }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ]
    for (const [document, patch, result] of cases) expect(applyMergePatch(document, patch)).toEqual(result)
  })

  it('leads from any object to any other by the patch between them', () => {
    const below = random(7)
    for (let i = 0; i < 2000; i++) {
      const from = randomObject(below, 3)
      const to = randomObject(below, 3)
      const kept = deepClone(from)
      const result = applyMergePatch(from, mergePatchBetween(from, to))
      expect(deepEqual(result, to)).toBe(true)
      expect(from).toEqual(kept)
    }
  })

  it('never reaches a prototype', () => {
    const result = applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as JsonObject
    expect(result['polluted']).toBeUndefined()
    expect(({} as JsonObject)['polluted']).toBeUndefined()
  })
})

const schema: JsonSchema = {
  type: 'object',
  properties: {
    containers: {
      type: 'array',
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': 'name',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          args: { type: 'array', items: { type: 'string' } },
          env: {
            type: 'array',
            'x-kubernetes-patch-strategy': 'merge',
            'x-kubernetes-patch-merge-key': 'name',
            items: { type: 'object', properties: { name: { type: 'string' }, value: { type: 'string' } } },
          },
        },
      },
    },
    finalizers: { type: 'array', 'x-kubernetes-patch-strategy': 'merge', items: { type: 'string' } },
    tolerations: { type: 'array', items: { type: 'object' } },
    strategy: { type: 'object', 'x-kubernetes-patch-strategy': 'retainKeys', properties: {} },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
  },
}
const strategic = (document: JsonObject, patch: unknown) => applyStrategicPatch(schema, document, patch)

describe('strategic merge patch', () => {
  const pod = {
    containers: [
      { name: 'a', image: '1', args: ['x'], env: [{ name: 'E', value: '1' }] },
      { name: 'b', image: '1' },
    ],
  }

  it('merges lists by their merge key, at every depth, and appends new items', () => {
    expect(
      strategic(pod, {
        containers: [
          {
            name: 'a',
            args: ['y', 'z'],
            env: [
              { name: 'F', value: '2' },
              { name: 'E', value: '9' },
            ],
          },
          { name: 'c', image: '3' },
        ],
      }),
    ).toEqual({
      containers: [
        {
          name: 'a',
          image: '1',
          args: ['y', 'z'],
          env: [
            { name: 'E', value: '9' },
            { name: 'F', value: '2' },
          ],
        },
        { name: 'b', image: '1' },
        { name: 'c', image: '3' },
      ],
    })
    expect(pod.containers).toHaveLength(2)
  })

  it('deletes items and maps by $patch: delete and replaces by $patch: replace', () => {
    expect(strategic(pod, { containers: [{ name: 'a', $patch: 'delete' }] })).toEqual({
      containers: [{ name: 'b', image: '1' }],
    })
    expect(strategic(pod, { containers: [{ $patch: 'replace' }, { name: 'z', image: '7' }] })).toEqual({
      containers: [{ name: 'z', image: '7' }],
    })
    expect(strategic({ labels: { a: '1' } }, { labels: { $patch: 'replace', b: '2' } })).toEqual({ labels: { b: '2' } })
    expect(strategic({ labels: { a: '1' } }, { labels: { $patch: 'delete' } })).toEqual({ labels: {} })
    expect(strategic({ labels: { a: '1', b: '2' } }, { labels: { a: null } })).toEqual({ labels: { b: '2' } })
  })

  it('merges lists of plain values as sets and deletes from them', () => {
    expect(strategic({ finalizers: ['a', 'b'] }, { finalizers: ['c', 'a'] })).toEqual({ finalizers: ['a', 'b', 'c'] })
    expect(strategic({ finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] })).toEqual({
      finalizers: ['b'],
    })
    expect(
      strategic(
        { finalizers: ['a', 'b'] },
        { '$setElementOrder/finalizers': ['c', 'b'], '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] },
      ),
    ).toEqual({ finalizers: ['c', 'b'] })
  })

  it('orders items by $setElementOrder', () => {
    expect(
      strategic(pod, {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'n' }, { name: 'a' }],
        containers: [{ name: 'n' }],
      }),
    ).toMatchObject({ containers: [{ name: 'b' }, { name: 'n' }, { name: 'a' }] })
    expect(strategic(pod, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] })).toMatchObject({
      containers: [{ name: 'b' }, { name: 'a' }],
    })
  })

  it('replaces other lists and keeps only the keys of $retainKeys', () => {
    expect(strategic({ tolerations: [{ key: 'a' }] }, { tolerations: [{ key: 'b' }] })).toEqual({
      tolerations: [{ key: 'b' }],
    })
    expect(
      strategic(
        { strategy: { type: 'RollingUpdate', rollingUpdate: { x: 1 } } },
        { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      ),
    ).toEqual({
      strategy: { type: 'Recreate' },
    })
  })

  it('refuses contradictions with 400', () => {
    for (const patch of [
      [],
      { containers: [{ image: 'x' }] },
      { containers: ['x'] },
      { labels: { $patch: 'burn' } },
      { strategy: { $retainKeys: ['a'], b: 1 } },
      { '$setElementOrder/containers': 1, containers: [] },
    ])
      expect(refusal(() => strategic(pod, patch)).code).toBe(400)
  })

  it('merges lists of many thousand items in moderate time', () => {
    const start = performance.now()
    const many = Array.from({ length: 30_000 }, (_, i) => ({ name: `n${i}`, image: 'x' }))
    const names = many.map(({ name }) => name)
    const order = {
      '$setElementOrder/containers': many.toReversed(),
      '$setElementOrder/finalizers': names.toReversed(),
    }
    const result = strategic({ containers: many, finalizers: names }, { containers: many, finalizers: names, ...order })
    expect((result['containers'] as JsonObject[])[0]).toEqual({ name: 'n29999', image: 'x' })
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('changes nothing by a patch of what is there already', () => {
    const below = random(11)
    for (let i = 0; i < 500; i++) {
      const object = {
        ...randomObject(below, 2),
        containers: [{ name: 'a', ...randomObject(below, 1) }],
        finalizers: ['x', 'y'],
      }
      expect(strategic(object, object)).toEqual(object)
    }
  })
})

/** The smallest merge patch that leads from one object to the other; list changes are given whole. Null values cannot be expressed. */
function mergePatchBetween(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) setOwn(patch, key, null)
  for (const key of Object.keys(to)) {
    const before = Object.hasOwn(from, key) ? from[key] : undefined
    const after = to[key]
    if (isObject(before) && isObject(after)) {
      const inner = mergePatchBetween(before, after)
      if (Object.keys(inner).length > 0) setOwn(patch, key, inner)
    } else if (JSON.stringify(before) !== JSON.stringify(after)) setOwn(patch, key, deepClone(after))
  }
  return patch
}
