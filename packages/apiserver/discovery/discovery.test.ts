import { ConfigMap } from '@thresher/api/core/config-map'
import { Pod } from '@thresher/api/core/pod'
import { defineKind, type Kind } from '@thresher/api/kind'
import { Type } from '@thresher/api/type'
import { describe, expect, it } from 'vitest'
import { aggregatedType } from './aggregated.ts'
import { ApiDocuments } from './api-documents.ts'
import type { ServedSubresource } from './served.ts'
import { compareVersions } from './version-order.ts'

const Disk = defineKind({
  group: 'example.com',
  version: 'v1beta1',
  kind: 'Disk',
  plural: 'disks',
  shortNames: ['di'],
  categories: ['all'],
  namespaced: true,
  spec: Type.Object({
    size: Type.Integer({ exclusiveMinimum: 0 }),
    tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  }),
  status: Type.Object({}),
  subresources: { scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
})
const DiskV1: Kind = { ...Disk, version: 'v1', apiVersion: 'example.com/v1' }
const Review = defineKind({
  group: 'example.com',
  version: 'v1',
  kind: 'Review',
  plural: 'reviews',
  namespaced: false,
  stored: false,
})
const Custom: Kind = {
  ...Disk,
  group: 'a.example.org',
  apiVersion: 'a.example.org/v1beta1',
  plural: 'things',
  kind: 'Thing',
  origin: 'custom',
}
const subresources: ServedSubresource[] = [
  { group: '', version: 'v1', plural: 'pods', subresource: 'log', namespaced: true, methods: ['GET'] },
  {
    group: 'subresources.example.com',
    version: 'v1',
    plural: 'disks',
    subresource: 'start',
    namespaced: true,
    methods: ['PUT'],
  },
  {
    group: 'subresources.example.com',
    version: 'v1',
    plural: '',
    subresource: 'version',
    namespaced: false,
    methods: ['GET'],
  },
]

function documents(kinds: Kind[] = [Custom, Disk, DiskV1, Review, Pod, ConfigMap]): ApiDocuments {
  return new ApiDocuments(
    () => kinds,
    () => subresources,
    '0.1.0',
  )
}

interface Resource {
  name: string
  verbs: string[]
  [field: string]: unknown
}
const get = (path: string, accept = 'application/json', from = documents()) =>
  from.answer({ path, headers: { accept } })
const value = <T>(path: string, accept?: string) => get(path, accept)?.value() as T

describe('discovery', () => {
  it('prefers versions as Kubernetes does', () => {
    const versions = ['v1alpha1', 'foo', 'v1beta1', 'v2', 'v1', 'v11', 'v1beta2', 'v2alpha1']
    expect(versions.toSorted(compareVersions)).toEqual([
      'v11',
      'v2',
      'v1',
      'v1beta2',
      'v1beta1',
      'v2alpha1',
      'v1alpha1',
      'foo',
    ])
  })

  it('lists groups, built-in ones first, with the preferred version', () => {
    expect(value('/api')).toMatchObject({ kind: 'APIVersions', versions: ['v1'] })
    const { groups } = value<{ groups: { name: string; preferredVersion: object }[] }>('/apis')
    expect(groups.map(({ name }) => name)).toEqual(['example.com', 'a.example.org', 'subresources.example.com'])
    expect(groups[0]?.preferredVersion).toEqual({ groupVersion: 'example.com/v1', version: 'v1' })
    expect(value('/apis/example.com/')).toMatchObject({
      kind: 'APIGroup',
      versions: [{ version: 'v1' }, { version: 'v1beta1' }],
    })
    for (const path of ['/apis/none', '/apis/example.com/v9', '/apis/example.com/v1/more', '/api/v2', '/else', '/'])
      expect(get(path)).toBeUndefined()
  })

  it('lists resources with verbs, names and subresources', () => {
    const { resources } = value<{ resources: Resource[] }>('/apis/example.com/v1')
    expect(resources.map(({ name }) => name)).toEqual(['disks', 'disks/status', 'disks/scale', 'reviews'])
    expect(resources[0]).toMatchObject({
      singularName: 'disk',
      namespaced: true,
      kind: 'Disk',
      shortNames: ['di'],
      categories: ['all'],
    })
    expect(resources[0]?.verbs).toContain('deletecollection')
    expect(resources[2]).toMatchObject({
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: ['get', 'patch', 'update'],
    })
    expect(resources[3]?.verbs).toEqual(['create'])
    expect(value<{ resources: Resource[] }>('/api/v1').resources.find(({ name }) => name === 'pods/log')).toMatchObject(
      { kind: 'Pod', verbs: ['get'] },
    )
    expect(value<{ resources: Resource[] }>('/apis/subresources.example.com/v1').resources).toMatchObject([
      { name: 'disks/start', verbs: ['update'] },
    ])
  })

  it('answers with one aggregated document to clients that take it', () => {
    const accept = `${aggregatedType('v2')},${aggregatedType('v2beta1')},application/json`
    expect(get('/apis', accept)?.contentType).toBe(aggregatedType('v2'))
    expect(get('/apis', `${aggregatedType('v2beta1')},application/json`)?.contentType).toBe(aggregatedType('v2beta1'))
    expect(get('/apis', 'application/json,' + aggregatedType('v2'))?.contentType).toBe('application/json')
    const list = value<{
      kind: string
      items: { metadata: { name: string }; versions: { version: string; resources: object[] }[] }[]
    }>('/apis', accept)
    expect(list.kind).toBe('APIGroupDiscoveryList')
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual([
      'example.com',
      'a.example.org',
      'subresources.example.com',
    ])
    expect(list.items[0]?.versions[0]?.resources[0]).toMatchObject({
      resource: 'disks',
      scope: 'Namespaced',
      singularResource: 'disk',
      responseKind: { group: 'example.com', version: 'v1', kind: 'Disk' },
      subresources: [{ subresource: 'status' }, { subresource: 'scale', responseKind: { kind: 'Scale' } }],
    })
    const core = value<{ items: { metadata: { name: string } }[] }>('/api', accept)
    expect(core.items.map(({ metadata }) => metadata.name)).toEqual([''])
  })

  it('answers 304 to who has the document already, until kinds change', () => {
    const kinds: Kind[] = [Disk]
    const served = documents(kinds)
    const ask = (etag?: string) => served.answer({ path: '/openapi/v3', headers: { 'if-none-match': etag } })
    const etag = ask()?.headers?.['etag']
    expect(etag).toMatch(/^"[0-9A-F]+"$/)
    expect(ask(etag)?.status).toBe(304)
    kinds.push(DiskV1)
    expect(ask(etag)?.status).toBe(304)
    served.forget()
    expect(ask(etag)?.status).toBe(200)
  })
})

interface OpenApi {
  paths: Record<string, Record<string, Record<string, unknown>>>
  components: { schemas: Record<string, Record<string, unknown>> }
}

describe('OpenAPI version 3', () => {
  it('has an index whose hashes are those of the documents', () => {
    const { paths } = value<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3')
    expect(Object.keys(paths).toSorted()).toEqual([
      'api/v1',
      'apis/a.example.org/v1beta1',
      'apis/example.com/v1',
      'apis/example.com/v1beta1',
      'apis/subresources.example.com/v1',
    ])
    for (const [place, { serverRelativeURL }] of Object.entries(paths)) {
      const url = new URL(serverRelativeURL, 'https://x')
      const answer = documents().answer({ path: url.pathname, headers: {}, query: url.searchParams })
      expect([place, answer?.headers?.['etag']]).toEqual([place, `"${url.searchParams.get('hash')}"`])
      expect(answer?.headers?.['cache-control']).toContain('immutable')
    }
    expect(get('/openapi/v3/apis/none/v1')).toBeUndefined()
  })

  it('describes kinds so that clients find them, their patches and their operations', () => {
    const { paths, components } = value<OpenApi>('/openapi/v3/apis/example.com/v1')
    const schema = components.schemas['com.example.v1.Disk']!
    expect(schema['x-kubernetes-group-version-kind']).toEqual([{ group: 'example.com', version: 'v1', kind: 'Disk' }])
    expect(schema['properties']).toMatchObject({
      apiVersion: { type: 'string' },
      metadata: { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }] },
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { minimum: 0, exclusiveMinimum: true },
          tags: { additionalProperties: { type: 'string' } },
        },
      },
    })
    const one = paths['/apis/example.com/v1/namespaces/{namespace}/disks/{name}']!
    expect(one['get']).toMatchObject({
      'x-kubernetes-action': 'get',
      'x-kubernetes-group-version-kind': { kind: 'Disk' },
    })
    const patch = one['patch'] as { parameters: { name: string }[]; requestBody: { content: object } }
    expect(patch.parameters.map(({ name }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force'])
    expect(Object.keys(patch.requestBody.content)).toContain('application/strategic-merge-patch+json')
    expect(paths['/apis/example.com/v1/disks']?.['get']).toMatchObject({ 'x-kubernetes-action': 'list' })
    expect(Object.keys(paths['/apis/example.com/v1/reviews']!)).toEqual(['post', 'parameters'])
    const pods = value<OpenApi>('/openapi/v3/api/v1').components.schemas['io.k8s.api.core.v1.Pod']!
    expect(JSON.stringify(pods)).toContain('"x-kubernetes-patch-merge-key":"name"')
    const custom = value<OpenApi>('/openapi/v3/apis/a.example.org/v1beta1')
    expect(JSON.stringify(custom)).not.toContain('strategic-merge-patch')
  })

  it('refers to nothing that is not there, and gives every operation a name of its own', () => {
    for (const path of ['/openapi/v3/api/v1', '/openapi/v3/apis/example.com/v1', '/openapi/v2']) {
      const text = JSON.stringify(value(path))
      const document = JSON.parse(text) as OpenApi & { definitions?: object }
      const known = new Set(Object.keys(document.definitions ?? document.components.schemas))
      for (const [, name] of text.matchAll(/"#\/(?:definitions|components\/schemas)\/([^"]+)"/g))
        expect(known).toContain(name)
      const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id)
      expect(new Set(ids).size).toBe(ids.length)
    }
  })
})

/** The fields of a protobuf message, by number; the bytes of each. */
function decode(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 0x80) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const start = at
    if (tag % 8 === 2) {
      const size = varint()
      at += size
      fields.set(Math.floor(tag / 8), [...(fields.get(Math.floor(tag / 8)) ?? []), bytes.subarray(at - size, at)])
    } else if (tag % 8 === 1) at += 8
    else varint()
    if (tag % 8 !== 2) fields.set(Math.floor(tag / 8), [bytes.subarray(start, at)])
  }
  return fields
}

describe('OpenAPI version 2', () => {
  it('comes as JSON, or as protobuf with a media type that Go can read', () => {
    const json = value<{ swagger: string; definitions: object; paths: object }>('/openapi/v2')
    expect(json.swagger).toBe('2.0')
    const answer = get('/openapi/v2', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf')
    expect(answer?.contentType).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf')
    const document = decode(answer!.value() as Buffer)
    expect(document.get(1)?.toString()).toBe('2.0')
    const definitions = decode(document.get(9)![0]!).get(1)!
    expect(definitions.map((one) => decode(one).get(1)!.toString())).toEqual(Object.keys(json.definitions))
    expect(decode(document.get(8)![0]!).get(2)).toHaveLength(Object.keys(json.paths).length)
    const disk = definitions.map(decode).find((one) => one.get(1)!.toString() === 'com.example.v1.Disk')!
    const extensions = decode(disk.get(2)![0]!).get(31)!.map(decode)
    expect(extensions.map((one) => one.get(1)!.toString())).toContain('x-kubernetes-group-version-kind')
    const size = Buffer.from('{"group":"example.com","version":"v1","kind":"Disk"}')
    expect(extensions.some((one) => one.get(2)![0]!.includes(size))).toBe(true)
  })
})
