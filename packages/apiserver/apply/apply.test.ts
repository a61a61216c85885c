import { describe, expect, it } from 'vitest'
import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { ObjectMeta, type KubeObject, type ManagedFieldsEntry } from '@thresher/api/meta'
import { deepClone, type JsonObject } from '../schema/clone.ts'
import { apply, trackUpdate } from './managed-fields.ts'

const keyed = (keys: string[], items: JsonSchema): JsonSchema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
})
const container: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    image: { type: 'string' },
    args: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
    ports: keyed(['containerPort', 'protocol'], {
      type: 'object',
      properties: {
        containerPort: { type: 'integer' },
        protocol: { type: 'string', default: 'TCP' },
        name: { type: 'string' },
      },
    }),
  },
}
const schema: JsonSchema = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: ObjectMeta as JsonSchema,
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        paused: { type: 'boolean' },
        memory: { type: 'string', format: 'quantity' },
        selector: {
          type: 'object',
          'x-kubernetes-map-type': 'atomic',
          properties: { matchLabels: { type: 'object', additionalProperties: { type: 'string' } } },
        },
        containers: keyed(['name'], container),
        tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        nested: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' } } },
  },
}

interface Thing extends KubeObject {
  spec?: JsonObject & { containers?: JsonObject[]; replicas?: number; tags?: string[] }
  status?: JsonObject
}

const now = '2026-01-01T00:00:00Z'
const thing = (spec: JsonObject, metadata: JsonObject = {}): Thing => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', ...metadata },
  spec,
})
const applyAs = (
  manager: string,
  live: Thing | undefined,
  applied: unknown,
  more: { force?: boolean; subresource?: string; now?: string } = {},
) =>
  apply({ schema, live, applied, manager, force: false, apiVersion: 'apps/v1', now, hasStatus: true, ...more }) as Thing
function updateAs(
  manager: string,
  before: Thing | undefined,
  change: (object: Thing) => void,
  more: { subresource?: string; now?: string } = {},
): Thing {
  const after = deepClone(before ?? thing({}))
  change(after)
  const entries = trackUpdate({ schema, before, after, manager, apiVersion: 'apps/v1', now, ...more })
  after.metadata.managedFields = entries
  return after
}
const owner = (object: Thing, manager: string, operation = 'Apply') =>
  object.metadata.managedFields?.find((entry) => entry.manager === manager && entry.operation === operation)
const fieldsOwned = (object: Thing, manager: string, operation = 'Apply') => owner(object, manager, operation)?.fieldsV1
function conflict(act: () => unknown): ApiError {
  try {
    act()
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'Conflict') return error
    throw error
  }
  throw new Error('there was no conflict')
}

describe('server-side apply', () => {
  it('creates an object and books what was applied', () => {
    const made = applyAs(
      'kubectl',
      undefined,
      thing(
        { replicas: 3, containers: [{ name: 'a', image: '1', ports: [{ containerPort: 80 }] }] },
        { labels: { app: 'web' } },
      ),
    )
    expect(made.spec).toEqual({ replicas: 3, containers: [{ name: 'a', image: '1', ports: [{ containerPort: 80 }] }] })
    expect(made.metadata.managedFields).toEqual([
      {
        manager: 'kubectl',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: now,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { 'f:app': {} } },
          'f:spec': {
            'f:containers': {
              'k:{"name":"a"}': {
                '.': {},
                'f:image': {},
                'f:name': {},
                'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
              },
            },
            'f:replicas': {},
          },
        },
      },
    ])
  })

  it('answers with the live object itself when nothing changes', () => {
    const made = applyAs('a', undefined, thing({ replicas: 3, tags: ['x'] }))
    expect(applyAs('a', made, thing({ replicas: 3, tags: ['x'] }), { now: '2027-01-01T00:00:00Z' })).toBe(made)
  })

  it('refuses to change what another manager set, names field and manager, and takes it with force', () => {
    const made = applyAs('a', undefined, thing({ replicas: 3, paused: true }))
    const error = conflict(() => applyAs('b', made, thing({ replicas: 5 })))
    expect(error.code).toBe(409)
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "a": .spec.replicas')
    expect(error.details?.causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "a"', field: '.spec.replicas' },
    ])
    const several = conflict(() => applyAs('b', made, thing({ replicas: 5, paused: false })))
    expect(several.message).toBe('Apply failed with 2 conflicts: conflicts with "a":\n- .spec.paused\n- .spec.replicas')
    const forced = applyAs('b', made, thing({ replicas: 5 }), { force: true })
    expect(forced.spec).toEqual({ replicas: 5, paused: true })
    expect(fieldsOwned(forced, 'a')).toEqual({ 'f:spec': { 'f:paused': {} } })
    expect(fieldsOwned(forced, 'b')).toEqual({ 'f:spec': { 'f:replicas': {} } })
  })

  it('names an updater with its version and an item with its key', () => {
    const made = updateAs(
      'kubectl-client-side-apply',
      undefined,
      (object) => (object.spec = { replicas: 1, containers: [{ name: 'a', image: '1' }] }),
    )
    expect(conflict(() => applyAs('b', made, thing({ replicas: 2 }))).message).toBe(
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    )
    expect(conflict(() => applyAs('b', made, thing({ containers: [{ name: 'a', image: '2' }] }))).message).toContain(
      '.spec.containers[name="a"].image',
    )
  })

  it('lets managers share a field that they agree on, and removes it when the last one drops it', () => {
    const first = applyAs('a', undefined, thing({ replicas: 3, paused: true }))
    const both = applyAs('b', first, thing({ replicas: 3 }))
    expect(fieldsOwned(both, 'b')).toEqual({ 'f:spec': { 'f:replicas': {} } })
    const one = applyAs('a', both, thing({ paused: true }))
    expect(one.spec).toEqual({ replicas: 3, paused: true })
    const none = applyAs('b', one, thing({ nested: { a: '1' } }))
    expect(none.spec).toEqual({ paused: true, nested: { a: '1' } })
  })

  it('hands replicas over to an autoscaler as the documentation shows', () => {
    const made = applyAs('kubectl', undefined, thing({ replicas: 3, containers: [{ name: 'nginx', image: '1.14.2' }] }))
    const scaled = updateAs('kube-controller-manager', made, (object) => (object.spec!.replicas = 5), {
      subresource: 'scale',
    })
    expect(fieldsOwned(scaled, 'kubectl')).toEqual({
      'f:spec': { 'f:containers': { 'k:{"name":"nginx"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
    })
    expect(conflict(() => applyAs('kubectl', scaled, thing({ replicas: 3 }))).message).toBe(
      'Apply failed with 1 conflict: conflict with "kube-controller-manager" with subresource "scale" using apps/v1: .spec.replicas',
    )
    const left = applyAs('kubectl', scaled, thing({ containers: [{ name: 'nginx', image: '1.14.2' }] }))
    expect(left.spec?.replicas).toBe(5)
  })

  it('merges keyed lists by key, in the order applied, and removes only its own items', () => {
    const first = applyAs(
      'a',
      undefined,
      thing({
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ],
      }),
    )
    const second = applyAs('b', first, thing({ containers: [{ name: 'side', image: '9' }] }))
    expect(second.spec?.containers?.map(({ name }) => name)).toEqual(['a', 'b', 'side'])
    const third = applyAs('a', second, thing({ containers: [{ name: 'b', image: '1' }] }))
    expect(third.spec?.containers).toEqual([
      { name: 'b', image: '1' },
      { name: 'side', image: '9' },
    ])
    const reordered = applyAs('b', third, thing({ containers: [{ name: 'side', image: '9' }, { name: 'b' }] }))
    expect(reordered.spec?.containers?.map(({ name }) => name)).toEqual(['side', 'b'])
  })

  it('matches items by keys that have defaults', () => {
    const live = applyAs(
      'a',
      undefined,
      thing({ containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }] }] }),
    )
    const next = applyAs(
      'b',
      live,
      thing({ containers: [{ name: 'a', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] }] }),
    )
    expect(next.spec?.containers?.[0]?.['ports']).toEqual([
      { containerPort: 80, protocol: 'TCP', name: 'http' },
      { containerPort: 80, protocol: 'UDP' },
    ])
  })

  it('merges sets value by value and treats atomic lists and maps as one value', () => {
    const first = applyAs('a', undefined, thing({ tags: ['x', 'y'], selector: { matchLabels: { app: 'a' } } }))
    const second = applyAs('b', first, thing({ tags: ['z', 'x'] }))
    expect(second.spec?.tags?.toSorted()).toEqual(['x', 'y', 'z'])
    expect(fieldsOwned(second, 'b')).toEqual({ 'f:spec': { 'f:tags': { 'v:"x"': {}, 'v:"z"': {} } } })
    expect(applyAs('a', second, thing({ selector: { matchLabels: { app: 'a' } } })).spec?.tags?.toSorted()).toEqual([
      'x',
      'z',
    ])
    expect(fieldsOwned(first, 'a')).toMatchObject({ 'f:spec': { 'f:selector': {} } })
    expect(conflict(() => applyAs('b', first, thing({ selector: { matchLabels: { tier: 'b' } } }))).message).toContain(
      ': .spec.selector',
    )
  })

  it('removes a map that loses its last field and keeps one that others fill', () => {
    const first = applyAs('a', undefined, thing({ nested: { a: '1' }, replicas: 1 }))
    expect(applyAs('a', first, thing({ replicas: 1 })).spec).toEqual({ replicas: 1 })
    const shared = applyAs('b', first, thing({ nested: { b: '2' } }))
    expect(applyAs('a', shared, thing({ replicas: 1 })).spec).toEqual({ replicas: 1, nested: { b: '2' } })
  })

  it('keeps the status to its subresource', () => {
    const made = applyAs('a', undefined, { ...thing({ replicas: 1 }), status: { phase: 'x' } })
    expect(made.status).toBeUndefined()
    const status = applyAs(
      'ctl',
      made,
      { ...thing({ replicas: 9 }), status: { phase: 'Up' } },
      { subresource: 'status' },
    )
    expect(status.spec).toEqual({ replicas: 1 })
    expect(status.status).toEqual({ phase: 'Up' })
    expect(owner(status, 'ctl')).toMatchObject({ subresource: 'status', fieldsV1: { 'f:status': { 'f:phase': {} } } })
  })

  it('takes an untracked object over from before-first-apply', () => {
    const live = thing({ replicas: 1, paused: true })
    expect(conflict(() => applyAs('a', live, thing({ replicas: 2 }))).message).toContain(
      '"before-first-apply" using apps/v1: .spec.replicas',
    )
    const taken = applyAs('a', live, thing({ replicas: 1 }))
    expect(taken.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['a', 'before-first-apply'])
  })

  it('lets kubectl move from client-side apply without conflicts, and keeps its annotation in step', () => {
    const configuration = thing({ replicas: 3 }, { annotations: {} })
    const made = updateAs('kubectl-client-side-apply', undefined, (object) => {
      object.spec = { replicas: 3 }
      object.metadata.annotations = {
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(configuration),
      }
    })
    const moved = applyAs('kubectl', made, thing({ replicas: 4 }))
    expect(moved.spec).toEqual({ replicas: 4 })
    expect(moved.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']).toContain('"replicas":4')
    const changed = updateAs('editor', made, (object) => (object.spec!.replicas = 7))
    conflict(() => applyAs('kubectl', changed, thing({ replicas: 4 })))
  })

  it('refuses items without their key, and two with the same', () => {
    for (const spec of [
      { containers: [{ image: 'x' }] },
      { containers: ['x'] },
      { containers: [{ name: 'a' }, { name: 'a' }] },
      { containers: [{ name: 'a', ports: [{ containerPort: 1 }, { containerPort: 1, protocol: 'TCP' }] }] },
      { tags: ['a', 'a'] },
    ])
      expect(() => applyAs('a', undefined, thing(spec))).toThrow(ApiError)
  })

  it('takes quantities that are the same amount for the same value', () => {
    const made = applyAs('a', undefined, thing({ memory: '1Gi' }))
    const shared = applyAs('b', made, thing({ memory: '1024Mi' }))
    expect(shared.spec).toEqual({ memory: '1Gi' })
    expect(applyAs('a', shared, thing({ memory: '1024Mi' }))).toBe(shared)
    conflict(() => applyAs('b', made, thing({ memory: 2 })))
  })

  it('refuses managed fields in the configuration and what is no object', () => {
    for (const applied of [thing({}, { managedFields: [{ manager: 'x' }] }), [], null, 'x'])
      expect(() => applyAs('a', undefined, applied)).toThrow(ApiError)
  })
})

describe('tracking of updates', () => {
  it('books what a create sets, but not what the server owns', () => {
    const made = updateAs('kubectl-create', undefined, (object) => {
      object.metadata = {
        name: 'web',
        namespace: 'default',
        uid: 'u',
        creationTimestamp: now,
        labels: { app: 'web' },
        finalizers: ['f'],
      }
      object.spec = { replicas: 1 }
    })
    expect(made.metadata.managedFields).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: now,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:finalizers': { '.': {}, 'v:"f"': {} }, 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': { '.': {}, 'f:replicas': {} },
        },
      },
    ])
  })

  it('changes nothing when nothing changed', () => {
    const made = updateAs('a', undefined, (object) => (object.spec = { replicas: 1 }))
    const again = trackUpdate({
      schema,
      before: made,
      after: deepClone(made),
      manager: 'b',
      apiVersion: 'apps/v1',
      now: 'later',
    })
    expect(again).toEqual(made.metadata.managedFields)
  })

  it('moves changed fields to the writer, forgets removed ones and drops managers that own nothing', () => {
    const made = applyAs('a', undefined, thing({ replicas: 1, paused: true }))
    const changed = updateAs('b', made, (object) => {
      object.spec!.replicas = 2
      delete object.spec!['paused']
    })
    expect(changed.metadata.managedFields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['b', { 'f:spec': { 'f:replicas': {} } }],
    ])
  })

  it('books the status apart', () => {
    const made = updateAs('a', undefined, (object) => (object.spec = { replicas: 1 }))
    const status = updateAs('ctl', made, (object) => (object.status = { phase: 'Up' }), { subresource: 'status' })
    expect(owner(status, 'ctl', 'Update')).toMatchObject({
      subresource: 'status',
      fieldsV1: { 'f:status': { '.': {}, 'f:phase': {} } },
    })
  })

  it('forgets all managers when a writer sets managedFields to [{}], until the next apply', () => {
    const made = applyAs('a', undefined, thing({ replicas: 1 }))
    const reset = updateAs('b', made, (object) => (object.metadata.managedFields = [{}]))
    expect(reset.metadata.managedFields).toEqual([])
    expect(updateAs('b', reset, (object) => (object.spec!.replicas = 9)).metadata.managedFields).toEqual([])
  })

  it('takes managed fields that a writer edits, and keeps the old ones when they make no sense', () => {
    const made = applyAs('a', undefined, thing({ replicas: 1, paused: true }))
    const entry = made.metadata.managedFields![0]!
    const edited: ManagedFieldsEntry[] = [{ ...entry, fieldsV1: { 'f:spec': { 'f:paused': {} } } }]
    expect(
      fieldsOwned(
        updateAs('b', made, (object) => (object.metadata.managedFields = edited)),
        'a',
      ),
    ).toEqual({ 'f:spec': { 'f:paused': {} } })
    const broken = [{ ...entry, fieldsV1: { nonsense: 1 } }]
    expect(
      fieldsOwned(
        updateAs('b', made, (object) => (object.metadata.managedFields = broken)),
        'a',
      ),
    ).toEqual(entry.fieldsV1)
  })

  it('merges the oldest of more than ten updaters into ancient-changes', () => {
    let object = updateAs('m0', undefined, (one) => (one.spec = { nested: { a: '0' } }))
    for (let i = 1; i <= 14; i++)
      object = updateAs(`m${i}`, object, (one) => (one.metadata.labels = { ...one.metadata.labels, [`l${i}`]: 'x' }), {
        now: `2026-01-01T00:00:${10 + i}Z`,
      })
    const managers = object.metadata.managedFields!.map(({ manager }) => manager)
    expect(managers).toHaveLength(10)
    expect(managers[0]).toBe('ancient-changes')
    expect(managers.at(-1)).toBe('m14')
    expect(fieldsOwned(object, 'ancient-changes', 'Update')).toMatchObject({
      'f:spec': { 'f:nested': { 'f:a': {} } },
      'f:metadata': { 'f:labels': { 'f:l5': {} } },
    })
  })
})

/** Repeatable random numbers below `n`. */
function random(seed: number) {
  let state = seed
  return (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

function randomSpec(below: (n: number) => number): JsonObject {
  const spec: JsonObject = {}
  const pick = (n = 2) => below(n) === 0
  if (pick()) spec['replicas'] = below(3)
  if (pick()) spec['tags'] = [...new Set([`t${below(4)}`, `t${below(4)}`])]
  if (pick()) spec['nested'] = { ...(pick() ? { a: `${below(2)}` } : {}), ...(pick() ? { b: `${below(2)}` } : {}) }
  if (pick())
    spec['containers'] = [...new Set([below(3), below(3)])].map((i) => ({
      name: `c${i}`,
      ...(pick() ? { image: `${below(3)}` } : {}),
    }))
  if (pick(4)) spec['selector'] = { matchLabels: { app: `${below(2)}` } }
  return spec
}

describe('any sequence of applies and updates', () => {
  it('leaves every apply in force, makes its repetition do nothing, and leaves no field behind when all apply nothing', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const below = random(seed)
      let live: Thing | undefined
      for (let step = 0; step < 12; step++) {
        const manager = `m${below(3)}`
        const applied = thing(randomSpec(below))
        const frozen = JSON.stringify(live)
        const next = applyAs(manager, live, applied, { force: true })
        expect(JSON.stringify(live)).toBe(frozen)
        expect(applyAs(manager, next, applied)).toBe(next)
        for (const [key, value] of Object.entries(applied.spec ?? {}))
          if (!Array.isArray(value) && typeof value !== 'object') expect(next.spec?.[key]).toBe(value)
        for (const tag of applied.spec?.tags ?? []) expect(next.spec?.tags).toContain(tag)
        for (const one of applied.spec?.containers ?? [])
          expect(next.spec?.containers?.find(({ name }) => name === one['name'])).toMatchObject(one)
        live = next
      }
      for (const manager of ['m0', 'm1', 'm2'])
        live = applyAs(
          manager,
          live,
          { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
          { force: true },
        )
      expect(live?.spec ?? {}).toEqual({})
      expect(live?.metadata.managedFields).toEqual([])
    }
  })

  it('takes well under a millisecond for an object of some KiB', () => {
    const spec = {
      replicas: 1,
      containers: Array.from({ length: 20 }, (_, i) => ({
        name: `c${i}`,
        image: `registry/image:${i}`,
        args: ['a', 'b'],
        ports: [{ containerPort: 80 }],
      })),
    }
    let live = applyAs('a', undefined, thing(spec))
    // The best of several rounds, since other work shares the processor.
    let replicas = 1
    const rounds = Array.from({ length: 10 }, () => {
      const start = performance.now()
      for (let i = 0; i < 30; i++) live = applyAs('a', live, thing({ ...spec, replicas: (replicas += 1) }))
      return (performance.now() - start) / 30
    })
    expect(Math.min(...rounds)).toBeLessThan(1)
  })
})
