import { Type } from '@thresher/api/type'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Deployment } from '@thresher/api/apps/deployment'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { Pod } from '@thresher/api/core/pod'
import { Secret } from '@thresher/api/core/secret'
import { PodDisruptionBudget } from '@thresher/api/policy/pod-disruption-budget'
import { defineKind, type Kind } from '@thresher/api/kind'
import type { KubeList, KubeObject, WatchEvent } from '@thresher/api/meta'
import type { TransportRequest } from '../in-process-transport.ts'
import { startTestServer, type TestServer } from '../testing.ts'

interface Widget extends KubeObject {
  spec?: { size?: number; note?: string }
  status?: { phase?: string }
}

const widget = (version: string, storageVersion: boolean): Kind => ({
  ...defineKind({
    group: 'test.example',
    version,
    kind: 'Widget',
    plural: 'widgets',
    namespaced: true,
    storageVersion,
    spec: Type.Object({
      size: Type.Optional(Type.Integer({ minimum: 0, default: 1 })),
      note: Type.Optional(Type.String()),
    }),
    specOptional: true,
    status: Type.Object({ phase: Type.Optional(Type.String()) }),
    selectableFields: ['.spec.note'],
  }),
  origin: 'custom',
})

let server: TestServer
let now = Date.parse('2026-01-31T12:00:00Z')
beforeAll(async () => {
  server = await startTestServer({
    kinds: [
      Namespace,
      ConfigMap,
      Secret,
      Pod,
      Deployment,
      PodDisruptionBudget,
      widget('v1', true),
      widget('v1beta1', false),
    ],
    now: () => now,
  })
})
afterAll(() => server.close())

const widgets = '/apis/test.example/v1/namespaces/default/widgets'
const maps = '/api/v1/namespaces/default/configmaps'
const pods = '/api/v1/namespaces/default/pods'

function call<T = KubeObject>(
  method: TransportRequest['method'],
  path: string,
  body?: unknown,
  extra: Partial<TransportRequest> = {},
): Promise<T> {
  return server.transport().request<T>({ method, path, body, ...extra })
}
const merge = (path: string, body: unknown, query?: Record<string, string>) =>
  call<Widget>('PATCH', path, body, { contentType: 'application/merge-patch+json', query })
const pod = (name: string, more: object = {}) => ({
  metadata: { name, ...more },
  spec: { containers: [{ name: 'a', image: 'x' }] },
})

describe('creating', () => {
  test('sets what the server owns and ignores what a client says of it', async () => {
    const made = await call<Widget>('POST', widgets, {
      metadata: {
        name: 'owned',
        uid: 'mine',
        generation: 7,
        creationTimestamp: '2001-01-01T00:00:00Z',
        deletionTimestamp: '2001-01-01T00:00:00Z',
      },
      spec: {},
      status: { phase: 'Invented' },
    })
    expect(made.metadata).toMatchObject({
      name: 'owned',
      namespace: 'default',
      generation: 1,
      creationTimestamp: '2026-01-31T12:00:00Z',
    })
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
    expect(made.metadata.deletionTimestamp).toBeUndefined()
    expect(made.status).toBeUndefined()
    expect(made.spec).toEqual({ size: 1 })
  })

  test('makes a name of generateName, cutting long prefixes', async () => {
    const made = await call('POST', maps, { metadata: { generateName: 'made-' } })
    expect(made.metadata.name).toMatch(/^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    const long = await call('POST', maps, { metadata: { generateName: `${'x'.repeat(200)}-` } })
    expect(long.metadata.name).toHaveLength(63)
  })

  test('works on a named path, and on paths with doubled and trailing slashes', async () => {
    const made = await call('POST', `${maps}/by-path`, { data: {} })
    expect(made.metadata.name).toBe('by-path')
    expect(
      (await call('POST', '//api//v1/namespaces/default/configmaps//', { metadata: { name: 'slashes' } })).metadata
        .name,
    ).toBe('slashes')
  })

  test.each([
    [{ metadata: {} }, 422, 'metadata.name: Required value: name or generateName is required'],
    [{ metadata: { name: 'a'.repeat(254) } }, 422, 'must be no more than 253 bytes'],
    [{ metadata: { name: 'a', namespace: 'other' } }, 400, 'does not match the namespace sent on the request'],
    [{ metadata: { name: 'a', labels: { 'bad key': 'x' } } }, 422, 'metadata.labels'],
    [{ metadata: { name: 'a', resourceVersion: '5' } }, 400, 'resourceVersion should not be set'],
    [{ metadata: { name: 'a' }, kind: 'Secret' }, 400, 'cannot be handled as a ConfigMap'],
    [{ metadata: { name: 'a' }, apiVersion: 'v2' }, 400, 'does not match the expected API version'],
    [{ metadata: 'a' }, 400, 'metadata must be an object'],
    [[], 400, 'must be a JSON or YAML object'],
    [{ metadata: { name: 'a', ownerReferences: [{ name: 'x' }] } }, 422, 'ownerReferences[0].uid'],
    [{ metadata: { name: 'a', finalizers: ['no slash!'] } }, 422, 'metadata.finalizers[0]'],
  ])('refuses %j with %i', async (body, code, text) => {
    await expect(call('POST', maps, body)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text) as string,
    })
  })

  test('is refused in a namespace that is not there or on its way out', async () => {
    await expect(call('POST', '/api/v1/namespaces/none/configmaps', { metadata: { name: 'a' } })).rejects.toMatchObject(
      {
        code: 404,
        message: 'namespaces "none" not found',
      },
    )
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'leaving' } })
    const leaving = await call<KubeObject & { status: { phase: string }; spec: { finalizers: string[] } }>(
      'DELETE',
      '/api/v1/namespaces/leaving',
    )
    expect(leaving.status.phase).toBe('Terminating')
    await expect(
      call('POST', '/api/v1/namespaces/leaving/configmaps', { metadata: { name: 'a' } }),
    ).rejects.toMatchObject({
      code: 403,
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    })
    await call('PUT', '/api/v1/namespaces/leaving/finalize', {
      metadata: { name: 'leaving' },
      spec: { finalizers: [] },
    })
    await expect(call('GET', '/api/v1/namespaces/leaving')).rejects.toMatchObject({ code: 404 })
    await expect(call('DELETE', '/api/v1/namespaces/default')).rejects.toMatchObject({ code: 403 })
  })

  test('does nothing in a dry run but says what it would', async () => {
    const made = await call('POST', maps, { metadata: { name: 'dry' } }, { query: { dryRun: 'All' } })
    expect(made.metadata.uid).toBeDefined()
    await expect(call('GET', `${maps}/dry`)).rejects.toMatchObject({ code: 404 })
    await expect(
      call('POST', maps, { metadata: { name: 'dry' } }, { query: { dryRun: 'Some' } }),
    ).rejects.toMatchObject({ code: 422 })
  })

  test('refuses unknown fields when asked to be strict, drops them otherwise', async () => {
    const body = { metadata: { name: 'strict' }, spec: { size: 1, sise: 2 } }
    await expect(call('POST', widgets, body, { query: { fieldValidation: 'Strict' } })).rejects.toMatchObject({
      code: 400,
      message: expect.stringContaining('unknown field "spec.sise"') as string,
    })
    expect((await call<Widget>('POST', widgets, body, { query: { fieldValidation: 'Ignore' } })).spec).toEqual({
      size: 1,
    })
  })
})

describe('changing', () => {
  test('a stale resourceVersion is a conflict in the words that clients know', async () => {
    const first = await call('POST', maps, { metadata: { name: 'stale' } })
    await call('PUT', `${maps}/stale`, { ...first, data: { a: 'b' } })
    await expect(call('PUT', `${maps}/stale`, { ...first, data: { a: 'c' } })).rejects.toMatchObject({
      code: 409,
      message:
        'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
    })
  })

  test('without resourceVersion overwrites, but not objects of custom kinds', async () => {
    await call('POST', maps, { metadata: { name: 'free' } })
    expect(await call('PUT', `${maps}/free`, { metadata: { name: 'free' }, data: { a: 'b' } })).toMatchObject({
      data: { a: 'b' },
    })
    await call('POST', widgets, { metadata: { name: 'bound' } })
    await expect(call('PUT', `${widgets}/bound`, { metadata: { name: 'bound' } })).rejects.toMatchObject({ code: 422 })
  })

  test('an update that changes nothing makes no new version', async () => {
    const first = await call('POST', maps, { metadata: { name: 'same' }, data: { a: 'b', c: 'd' } })
    const again = await call('PUT', `${maps}/same`, { ...first, data: { c: 'd', a: 'b' } })
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
  })

  test('generation counts changes of the spec alone; status and the rest keep out of each other', async () => {
    await call('POST', widgets, { metadata: { name: 'parts' } })
    expect((await merge(`${widgets}/parts`, { metadata: { labels: { a: 'b' } } })).metadata.generation).toBe(1)
    const grown = await merge(`${widgets}/parts`, { spec: { size: 2 }, status: { phase: 'No' } })
    expect(grown.metadata.generation).toBe(2)
    expect(grown.status).toBeUndefined()
    const told = await merge(`${widgets}/parts/status`, {
      spec: { size: 9 },
      status: { phase: 'Ready' },
      metadata: { labels: { a: 'z' } },
    })
    expect(told).toMatchObject({
      spec: { size: 2 },
      status: { phase: 'Ready' },
      metadata: { generation: 2, labels: { a: 'b' } },
    })
  })

  test('what does not exist is not made by an update, but by apply', async () => {
    await expect(call('PUT', `${maps}/missing`, { metadata: { name: 'missing' } })).rejects.toMatchObject({ code: 404 })
    const query = { fieldManager: 'test' }
    const made = await call(
      'PATCH',
      `${maps}/missing`,
      { data: { a: 'b' } },
      { contentType: 'application/apply-patch+yaml', query },
    )
    expect(made.metadata.managedFields).toMatchObject([{ manager: 'test', operation: 'Apply' }])
    await expect(
      call('PATCH', `${maps}/missing`, { data: {} }, { contentType: 'application/apply-patch+yaml' }),
    ).rejects.toMatchObject({ code: 422 })
  })

  test('uid and name of another object are refused', async () => {
    const made = await call('POST', maps, { metadata: { name: 'ident' } })
    await expect(
      call('PUT', `${maps}/ident`, { ...made, metadata: { ...made.metadata, uid: 'other' } }),
    ).rejects.toMatchObject({ code: 409 })
    await expect(call('PUT', `${maps}/ident`, { metadata: { name: 'else' } })).rejects.toMatchObject({ code: 400 })
    await expect(merge(`${maps}/ident`, { metadata: { name: 'else' } })).rejects.toMatchObject({ code: 422 })
  })

  test('many patches at once all take effect', async () => {
    await call('POST', maps, { metadata: { name: 'busy' } })
    await Promise.all(Array.from({ length: 20 }, (_, index) => merge(`${maps}/busy`, { data: { [`k${index}`]: 'v' } })))
    const { data } = await call<KubeObject & { data: object }>('GET', `${maps}/busy`)
    expect(Object.keys(data)).toHaveLength(20)
  })

  test('the same object is served in every version of its kind', async () => {
    await call('POST', '/apis/test.example/v1beta1/namespaces/default/widgets', { metadata: { name: 'both' } })
    expect((await call('GET', `${widgets}/both`)).apiVersion).toBe('test.example/v1')
    const beta = await call('GET', '/apis/test.example/v1beta1/namespaces/default/widgets/both')
    expect(beta.apiVersion).toBe('test.example/v1beta1')
    const list = await call<KubeList<KubeObject>>('GET', '/apis/test.example/v1beta1/widgets')
    expect(new Set(list.items.map((item) => item.apiVersion))).toEqual(new Set(['test.example/v1beta1']))
  })

  test('strategic merge is for declared kinds only', async () => {
    await call('POST', widgets, { metadata: { name: 'nostrat' } })
    await expect(
      call('PATCH', `${widgets}/nostrat`, {}, { contentType: 'application/strategic-merge-patch+json' }),
    ).rejects.toMatchObject({ code: 415 })
  })
})

describe('deleting', () => {
  test('waits for finalizers and ends with the last of them', async () => {
    await call('POST', maps, { metadata: { name: 'held', finalizers: ['test.example/hold'] } })
    const held = await call('DELETE', `${maps}/held`)
    expect(held.metadata.deletionTimestamp).toBe('2026-01-31T12:00:00Z')
    await expect(
      merge(`${maps}/held`, { metadata: { finalizers: ['test.example/hold', 'test.example/more'] } }),
    ).rejects.toMatchObject({ code: 403 })
    await merge(`${maps}/held`, { metadata: { finalizers: null } })
    await expect(call('GET', `${maps}/held`)).rejects.toMatchObject({ code: 404 })
  })

  test('answers with a Status that names what is gone', async () => {
    const made = await call('POST', maps, { metadata: { name: 'gone' } })
    expect(await call('DELETE', `${maps}/gone`)).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'gone', kind: 'configmaps', uid: made.metadata.uid },
    })
  })

  test('honours preconditions', async () => {
    const made = await call('POST', maps, { metadata: { name: 'exact' } })
    await expect(call('DELETE', `${maps}/exact`, { preconditions: { uid: 'other' } })).rejects.toMatchObject({
      code: 409,
    })
    await expect(call('DELETE', `${maps}/exact`, { preconditions: { resourceVersion: '1' } })).rejects.toMatchObject({
      code: 409,
    })
    await call('DELETE', `${maps}/exact`, {
      preconditions: { uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion },
    })
  })

  test('leaves the garbage collector its finalizers', async () => {
    for (const [policy, finalizer] of [
      ['Foreground', 'foregroundDeletion'],
      ['Orphan', 'orphan'],
    ] as const) {
      await call('POST', maps, { metadata: { name: policy.toLowerCase() } })
      const held = await call('DELETE', `${maps}/${policy.toLowerCase()}`, { propagationPolicy: policy })
      expect(held.metadata.finalizers).toEqual([finalizer])
    }
    await expect(call('DELETE', `${maps}/orphan`, { propagationPolicy: 'Some' })).rejects.toMatchObject({ code: 422 })
  })

  test('a running pod has its grace period, which a second deletion may only shorten', async () => {
    await call('POST', pods, pod('graceful'))
    await call('POST', `${pods}/graceful/binding`, { target: { kind: 'Node', name: 'n1' } })
    const going = await call('DELETE', `${pods}/graceful`)
    expect(going.metadata).toMatchObject({ deletionGracePeriodSeconds: 30, deletionTimestamp: '2026-01-31T12:00:30Z' })
    now += 5000
    const sooner = await call('DELETE', `${pods}/graceful`, { gracePeriodSeconds: 10 })
    expect(sooner.metadata).toMatchObject({ deletionGracePeriodSeconds: 10, deletionTimestamp: '2026-01-31T12:00:10Z' })
    expect(
      (await call('DELETE', `${pods}/graceful`, { gracePeriodSeconds: 60 })).metadata.deletionGracePeriodSeconds,
    ).toBe(10)
    await call('DELETE', `${pods}/graceful`, { gracePeriodSeconds: 0 })
    await expect(call('GET', `${pods}/graceful`)).rejects.toMatchObject({ code: 404 })
    now -= 5000
  })

  test('a collection goes by selector', async () => {
    for (const name of ['x1', 'x2', 'y1'])
      await call('POST', maps, { metadata: { name, labels: { letter: name[0]! } } })
    await call('DELETE', maps, undefined, { query: { labelSelector: 'letter=x' } })
    const list = await call<KubeList<KubeObject>>('GET', maps, undefined, { query: { labelSelector: 'letter' } })
    expect(list.items.map((item) => item.metadata.name)).toEqual(['y1'])
  })
})

describe('pods', () => {
  test('are bound once', async () => {
    await call('POST', pods, pod('bind'))
    await call('POST', `${pods}/bind/binding`, { target: { kind: 'Node', name: 'n1' } })
    const bound = await call<KubeObject & { spec: object; status: object }>('GET', `${pods}/bind`)
    expect(bound.spec).toMatchObject({ nodeName: 'n1' })
    expect(bound.status).toMatchObject({ conditions: [{ type: 'PodScheduled', status: 'True' }] })
    await expect(call('POST', `${pods}/bind/binding`, { target: { name: 'n2' } })).rejects.toMatchObject({ code: 409 })
  })

  test('are evicted unless a budget forbids it', async () => {
    const { status: _, ...made } = await call<KubeObject & { status: object }>('POST', pods, {
      ...pod('evict', { labels: { app: 'kept' } }),
    })
    const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
    await call('PUT', `${pods}/evict/status`, { ...made, status: running })
    await call('POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', {
      metadata: { name: 'kept' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'kept' } } },
    })
    await expect(call('POST', `${pods}/evict/eviction`, {})).rejects.toMatchObject({
      code: 429,
      details: { retryAfterSeconds: 10 },
    })
    await call('DELETE', '/apis/policy/v1/namespaces/default/poddisruptionbudgets/kept')
    await call('POST', `${pods}/evict/eviction`, {})
    await expect(call('GET', `${pods}/evict`)).rejects.toMatchObject({ code: 404 })
  })
})

describe('reading', () => {
  beforeAll(async () => {
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'reading' } })
    for (let index = 0; index < 10; index += 1) {
      await call('POST', '/api/v1/namespaces/reading/configmaps', {
        metadata: { name: `r${index}`, labels: { even: String(index % 2 === 0) } },
      })
    }
  })
  const path = '/api/v1/namespaces/reading/configmaps'
  const list = (query: Record<string, string>) => call<KubeList<KubeObject>>('GET', path, undefined, { query })
  const names = (found: KubeList<KubeObject>) => found.items.map((item) => item.metadata.name)

  test('pages show the state at the first of them, whatever is written meanwhile', async () => {
    const first = await list({ limit: '4' })
    expect(first.metadata.remainingItemCount).toBe(6)
    await call('DELETE', `${path}/r5`)
    await call('POST', path, { metadata: { name: 'r45' } })
    const second = await list({ limit: '4', continue: first.metadata.continue! })
    const third = await list({ limit: '4', continue: second.metadata.continue! })
    expect([first, second, third].flatMap(names)).toEqual(Array.from({ length: 10 }, (_, index) => `r${index}`))
    expect(new Set([first, second, third].map((page) => page.metadata.resourceVersion)).size).toBe(1)
    expect(third.metadata.continue).toBeUndefined()
    await call('POST', path, { metadata: { name: 'r5', labels: { even: 'false' } } })
    await call('DELETE', `${path}/r45`)
  })

  test('an exact resourceVersion shows that state, one of the future is refused', async () => {
    const before = await list({})
    await call('POST', path, { metadata: { name: 'later' } })
    const exact = await list({ resourceVersion: before.metadata.resourceVersion!, resourceVersionMatch: 'Exact' })
    expect(names(exact)).toEqual(names(before))
    const newer = await list({
      resourceVersion: before.metadata.resourceVersion!,
      resourceVersionMatch: 'NotOlderThan',
    })
    expect(names(newer)).toContain('later')
    await call('DELETE', `${path}/later`)
    await expect(list({ resourceVersion: '99999999' })).rejects.toMatchObject({
      code: 504,
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
    })
    await expect(list({ resourceVersion: 'x' })).rejects.toMatchObject({ code: 400 })
    await expect(list({ resourceVersionMatch: 'Exact' })).rejects.toMatchObject({ code: 422 })
    await expect(list({ continue: 'nonsense' })).rejects.toMatchObject({ code: 400 })
  })

  test('selectors choose by labels and declared fields', async () => {
    expect(names(await list({ labelSelector: 'even in (true),even!=false' }))).toHaveLength(5)
    expect(names(await list({ fieldSelector: 'metadata.name=r3' }))).toEqual(['r3'])
    await expect(list({ fieldSelector: 'data.x=1' })).rejects.toMatchObject({ code: 400 })
    await expect(list({ labelSelector: 'a in (' })).rejects.toMatchObject({ code: 400 })
  })

  test('what is not served is not found', async () => {
    for (const wrong of [
      '/api/v2/configmaps',
      '/apis/none.example/v1/things',
      '/api/v1/things',
      `${path}/r1/nothing`,
      '/nonsense',
    ]) {
      await expect(call('GET', wrong)).rejects.toMatchObject({ code: 404 })
    }
    await expect(call('PUT', path, {})).rejects.toMatchObject({ code: 405 })
  })
})

describe('watching', () => {
  const path = '/api/v1/namespaces/watching/configmaps'
  beforeAll(() => call('POST', '/api/v1/namespaces', { metadata: { name: 'watching' } }))

  /** Collect events until there are so many. */
  async function take(
    query: Record<string, string>,
    count: number,
    meanwhile?: () => Promise<unknown>,
  ): Promise<WatchEvent<KubeObject>[]> {
    const stop = new AbortController()
    const events: WatchEvent<KubeObject>[] = []
    const watching = (async () => {
      for await (const event of server
        .transport()
        .watch<KubeObject>({ method: 'GET', path, query, signal: stop.signal })) {
        events.push(event)
        if (events.length >= count) return
      }
    })()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await meanwhile?.()
    await Promise.race([watching, new Promise((resolve) => setTimeout(resolve, 2000))])
    stop.abort()
    await watching
    return events
  }
  const short = (events: WatchEvent<KubeObject>[]) =>
    events.map((event) => `${event.type} ${event.object.metadata.name}`)

  test('shows an object that begins or ceases to match as added and deleted', async () => {
    const events = await take({ labelSelector: 'on=yes' }, 4, async () => {
      await call('POST', path, { metadata: { name: 'w1' } })
      await merge(`${path}/w1`, { metadata: { labels: { on: 'yes' } } })
      await merge(`${path}/w1`, { data: { a: 'b' } })
      await merge(`${path}/w1`, { metadata: { labels: { on: 'no' } } })
      await merge(`${path}/w1`, { metadata: { labels: { on: 'yes' } } })
    })
    expect(short(events)).toEqual(['ADDED w1', 'MODIFIED w1', 'DELETED w1', 'ADDED w1'])
    const versions = events.map((event) => Number(event.object.metadata.resourceVersion))
    expect(versions).toEqual(versions.toSorted((left, right) => left - right))
    expect(new Set(versions).size).toBe(4)
  })

  test('resumes after a resourceVersion without loss', async () => {
    const before = await call<KubeList<KubeObject>>('GET', path)
    await call('POST', path, { metadata: { name: 'w2' } })
    await call('DELETE', `${path}/w2`)
    expect(short(await take({ resourceVersion: before.metadata.resourceVersion! }, 2))).toEqual([
      'ADDED w2',
      'DELETED w2',
    ])
  })

  test('streams a list that ends in a bookmark', async () => {
    const query = {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
      resourceVersion: '',
    }
    const events = await take(query, 2)
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK'])
    expect(events[1]!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' })
    const wrong = server.transport().watch({ method: 'GET', path, query: { sendInitialEvents: 'true' } })
    await expect(wrong[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 422 })
  })

  test('one object alone can be watched by its name', async () => {
    const events = await take({ fieldSelector: 'metadata.name=w1' }, 2, async () => {
      await call('POST', path, { metadata: { name: 'w3' } })
      await merge(`${path}/w1`, { data: { c: 'd' } })
    })
    expect(short(events)).toEqual(['ADDED w1', 'MODIFIED w1'])
  })

  test('ends after timeoutSeconds', async () => {
    // Without an end the test would not come to its own.
    for await (const _event of server.transport().watch({ method: 'GET', path, query: { timeoutSeconds: '1' } }))
      continue
  })
})
