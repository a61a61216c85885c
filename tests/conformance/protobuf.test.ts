import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'
import { TypedClient, type Typed, type TypedEvent } from './typed-client.ts'

let server: WholeServer
let client: TypedClient
beforeAll(async () => {
  server = await startWholeServer()
  client = new TypedClient(server)
})
afterAll(async () => {
  client[Symbol.dispose]()
  await server.close()
})

const core = '/api/v1/namespaces/default'
const metadata = (name: string) => ({ name, namespace: 'default' })
const template = {
  metadata: { labels: { app: 'a' } },
  spec: {
    containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' } }, env: [{ name: 'E', value: '' }] }],
  },
}
const now = () => `${new Date().toISOString().slice(0, 19)}Z`
const selector = { matchLabels: { app: 'a' } }

/** One object of each kind that client-go programs write first, by the path of its collection. */
const objects: [path: string, object: { apiVersion: string; kind: string; metadata: { name: string } }][] = [
  [
    `${core}/configmaps`,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata('pb'),
      data: { a: '' },
      binaryData: { b: 'AP8=' },
    } as never,
  ],
  [
    `${core}/secrets`,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('pb'),
      data: { a: 'AP8=' },
      stringData: { b: 'x' },
    } as never,
  ],
  [`${core}/pods`, { apiVersion: 'v1', kind: 'Pod', metadata: metadata('pb'), spec: template.spec } as never],
  [
    `${core}/services`,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata('pb'),
      spec: { selector: { app: 'a' }, ports: [{ port: 80 }] },
    } as never,
  ],
  [
    `${core}/endpoints`,
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: metadata('pb'),
      subsets: [{ addresses: [{ ip: '10.0.0.9' }], ports: [{ port: 80 }] }],
    } as never,
  ],
  [
    `${core}/persistentvolumeclaims`,
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: metadata('pb'),
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '' },
    } as never,
  ],
  [
    `${core}/events`,
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: metadata('pb'),
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'pb' },
      reason: 'R',
      message: 'm',
      type: 'Normal',
      count: 1,
      firstTimestamp: now(),
      lastTimestamp: now(),
    } as never,
  ],
  [
    '/api/v1/nodes',
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'pb' },
      spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] },
    } as never,
  ],
  ['/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pb' } }],
  [
    '/apis/apps/v1/namespaces/default/deployments',
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: metadata('pb'),
      spec: { replicas: 0, selector, template, strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } } },
    } as never,
  ],
  [
    '/apis/batch/v1/namespaces/default/jobs',
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: metadata('pb'),
      spec: { backoffLimit: 0, template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
    } as never,
  ],
  [
    '/apis/coordination.k8s.io/v1/namespaces/default/leases',
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: metadata('pb'),
      spec: { holderIdentity: 'me', leaseTransitions: 0, renewTime: '2026-01-31T12:00:00.000001Z' },
    } as never,
  ],
  [
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: metadata('pb'),
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.9'], conditions: { ready: false } }],
      ports: [{ port: 80 }],
    } as never,
  ],
  [
    '/apis/storage.k8s.io/v1/storageclasses',
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'pb' },
      provisioner: 'x.example',
      allowVolumeExpansion: false,
    } as never,
  ],
  [
    '/apis/storage.k8s.io/v1/csidrivers',
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: 'pb.example' },
      spec: { attachRequired: false },
    } as never,
  ],
  [
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'pb' },
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
    } as never,
  ],
  [
    '/apis/policy/v1/namespaces/default/poddisruptionbudgets',
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadata('pb'),
      spec: { minAvailable: 0, selector },
    } as never,
  ],
]

describe('a client that speaks nothing but protobuf', () => {
  test.each(objects)(
    'creates at %s, reads it back as it was answered, and puts it back with its managed fields',
    async (path, object) => {
      const made = await client.must('POST', path, object)
      expect(made).toMatchObject({ apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata })
      const one = `${path}/${object.metadata.name}`
      const read = await client.must('GET', one)
      expect(read.metadata.uid).toBe(made.metadata.uid)
      expect(read.metadata.managedFields?.[0]?.fieldsV1).toBeDefined()
      const json = JSON.parse((await server.ask(server.admin, 'GET', one)).text) as typeof read
      const zeros = ['data', 'binaryData', 'spec', 'subsets', 'endpoints', 'rules', 'provisioner', 'count']
      for (const field of zeros) expect(stripped(read[field]), field).toEqual(stripped(json[field]))
      expect((await touch(one)).metadata.labels).toMatchObject({ touched: 'yes' })
      await client.must(
        'PATCH',
        one,
        { metadata: { labels: { patched: '' } } },
        { type: 'application/strategic-merge-patch+json' },
      )
      expect((await client.must('GET', one)).metadata.labels).toMatchObject({ touched: 'yes', patched: '' })
    },
  )

  test('lists, with items that have no type of their own', async () => {
    const list = await client.must('GET', `${core}/configmaps?limit=1`)
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMapList' })
    expect(list['items']).toHaveLength(1)
    expect(list.metadata.resourceVersion).toMatch(/^\d+$/)
  })

  test('watches in frames, from a list on', async () => {
    const { metadata: at } = await client.must('GET', `${core}/configmaps`)
    const events: TypedEvent[] = []
    const path = `${core}/configmaps?watch=true&resourceVersion=${at.resourceVersion}&timeoutSeconds=20`
    await client.must('POST', `${core}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata('seen'),
      data: { a: 'b' },
    })
    await client.must('DELETE', `${core}/configmaps/seen`)
    for await (const event of client.watch(path)) if (events.push(event) === 2) break
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'DELETED'])
    expect(events[0]!.object).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'seen' }, data: { a: 'b' } })
  })

  test('is told in a frame that a version is too old', async () => {
    for await (const event of client.watch(`${core}/configmaps?watch=true&resourceVersion=1`)) {
      if (event.type === 'BOOKMARK') continue
      expect(['ERROR', 'ADDED']).toContain(event.type)
      if (event.type === 'ERROR') expect(event.object).toMatchObject({ kind: 'Status', code: 410 })
      break
    }
  })

  test('deletes with options, and has the metadata of any kind alone', async () => {
    await client.must('POST', `${core}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('gone') })
    const partial = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
    const { object } = await client.call('GET', `${core}/configmaps/gone`, undefined, { accept: partial })
    expect(object).toMatchObject({
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
      metadata: { name: 'gone' },
    })
    const wrong = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'another' } }
    expect((await client.call('DELETE', `${core}/configmaps/gone`, wrong)).status).toBe(409)
    const right = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: object.metadata.uid } }
    expect(await client.must('DELETE', `${core}/configmaps/gone`, right)).toMatchObject({
      kind: 'Status',
      status: 'Success',
    })
  })

  test('asks what it may do, and scales', async () => {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: {},
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
    }
    const answer = await client.must('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review)
    expect(answer['status']).toMatchObject({ allowed: true })
    const path = '/apis/apps/v1/namespaces/default/deployments/pb/scale'
    const scale = await client.must('GET', path)
    expect(scale).toMatchObject({ apiVersion: 'autoscaling/v1', kind: 'Scale' })
    scale['spec'] = { replicas: 2 }
    expect((await client.must('PUT', path, scale))['spec']).toEqual({ replicas: 2 })
  })

  test('defines kinds, whose own objects have no protobuf form: 406 and 415', async () => {
    const schema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          'x-kubernetes-preserve-unknown-fields': true,
          properties: {
            n: { type: 'integer', default: 0, minimum: 0 },
            any: { type: 'object', additionalProperties: true },
          },
        },
      },
    }
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'pbs.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { plural: 'pbs', singular: 'pb', kind: 'Pb', listKind: 'PbList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: schema },
            subresources: { status: {} },
          },
        ],
      },
    }
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    await client.must('POST', path, definition)
    const read = await client.must('GET', `${path}/pbs.example.org`)
    expect(read['spec'].versions[0].schema.openAPIV3Schema).toEqual(schema)
    expect(read['spec'].versions[0].subresources).toEqual({ status: {} })
    await expect.poll(async () => (await server.ask(server.admin, 'GET', '/apis/example.org/v1/pbs')).status).toBe(200)
    const refused = await client.call('GET', '/apis/example.org/v1/pbs')
    expect(refused).toMatchObject({ status: 406, object: { reason: 'NotAcceptable' } })
    const sent = await client.call(
      'POST',
      '/apis/example.org/v1/namespaces/default/pbs',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } },
      { accept: 'application/json' },
    )
    expect(sent).toMatchObject({ status: 415, object: { reason: 'UnsupportedMediaType' } })
  })
})

/** GET and PUT with a label, again where a controller was faster, as typed clients do. */
async function touch(path: string): Promise<Typed> {
  for (let tries = 0; ; tries += 1) {
    const read = await client.must('GET', path)
    read.metadata.labels = { ...read.metadata.labels, touched: 'yes' }
    const { status, object } = await client.call('PUT', path, read)
    if (status === 200) return object
    if (status !== 409 || tries === 5) throw new Error(`PUT ${path}: ${status} ${String(object['message'])}`)
  }
}

/** Without what protobuf cannot tell from nothing. */
function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 ? value.map(stripped) : undefined
  if (typeof value !== 'object' || value === null)
    return value === '' || value === 0 || value === false ? undefined : value
  const pairs = Object.entries(value).map(([key, inner]) => [key, stripped(inner)] as const)
  const kept = pairs.filter(([, inner]) => inner !== undefined)
  return kept.length > 0 ? Object.fromEntries(kept) : undefined
}
