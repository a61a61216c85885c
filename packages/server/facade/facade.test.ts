// oxlint-disable typescript/no-explicit-any -- answers are looked at as they come over the wire
import type { KubeObject } from '@thresher/api/meta'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { parse, stringify } from 'yaml'
import { settingObjects } from '@thresher/api/harvester/settings/value'
import { kinds } from '@thresher/api/kinds'
import { Security } from '@thresher/apiserver/auth/security'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { facadeRoutes } from './routes.ts'

let directory: string
let server: TestServer
let security: Security
let password: string
let token: string
const cpuAndMemory = { cpu: { cores: 1 }, memory: { guest: '256Mi' }, devices: {} }

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'facade-'))
  const pki = await ensurePki(join(directory, 'pki'), { names: [], addresses: [] })
  security = new Security({ pki, serverUrl: 'https://127.0.0.1', onError: (error) => console.error(error) })
  const routes = facadeRoutes({
    server: () => server.api,
    authorizer: security.authorizer,
    users: security.users,
    tokens: security.tokens,
    ca: pki.ca.cert,
    uploadImage: () => Promise.resolve({ status: 200, body: {} }),
  })
  server = await startTestServer({
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    directory,
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    admission: security.admission,
    subresources: security.subresources,
    routes: [...security.routes, ...routes],
  })
  password = (await security.start(server.api.objects))!.password
  for (const setting of settingObjects('v1.8.0'))
    await server.transport().request({ method: 'POST', path: '/apis/harvesterhci.io/v1beta1/settings', body: setting })
  token = String((await call('POST', '/v3-public/localProviders/local?action=login', login(password))).body.token)
})
afterAll(async () => {
  security.stop()
  await server.close()
  await rm(directory, { recursive: true, force: true })
})

interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  body: Record<string, any>
}

const login = (secret: string) => ({ username: 'admin', password: secret })
const bearer = () => ({ authorization: `Bearer ${token}` })

/** One HTTPS request as a client would send it. */
function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${server.url}${path}`,
      { method, ca: server.pki.ca.cert, headers: { 'content-type': 'application/json', ...headers } },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => (text += part))
        answer.on('end', () => {
          const isJson = String(answer.headers['content-type']).includes('json')
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            body: isJson && text ? JSON.parse(text) : {},
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  })
}

const get = (path: string, headers: Record<string, string> = {}) =>
  call('GET', path, undefined, { ...bearer(), ...headers })
const send = (method: string, path: string, body?: unknown) => call(method, path, body, bearer())

const machine = (name: string) => ({
  metadata: { name, namespace: 'default' },
  spec: { runStrategy: 'Halted', template: { spec: { domain: cpuAndMemory } } },
})

describe('logging in', () => {
  test('answers 201 with a token that the Kubernetes API takes too', async () => {
    const reply = await call('POST', '/v3-public/localProviders/local?action=login', login(password), {
      authorization: '',
    })
    expect(reply.status).toBe(201)
    expect(reply.body).toMatchObject({ type: 'token', userId: 'admin' })
    const version = await call('GET', '/apis/harvesterhci.io/v1beta1/settings/server-version', undefined, {
      authorization: `Bearer ${reply.body.token}`,
    })
    expect(version.body.value).toBe('v1.8.0')
  })

  test('with a wrong password answers 401 in the shape of this API', async () => {
    const reply = await call('POST', '/v1-public/login', login('wrong'))
    expect(reply.status).toBe(401)
    expect(reply.body).toMatchObject({ type: 'error', status: 401, code: 'Unauthorized' })
    expect(reply.headers['x-api-cattle-auth']).toBe('false')
  })

  test('from a browser sets a cookie that no script can read, and logging out ends it', async () => {
    const reply = await call('POST', '/v1-public/login', {
      ...login(password),
      type: 'localProvider',
      responseType: 'cookie',
    })
    expect(reply.body.token).toBeUndefined()
    const [cookie = ''] = reply.headers['set-cookie'] as string[]
    expect(cookie).toMatch(/^R_SESS=.*HttpOnly/)
    const session = { cookie: cookie.split(';')[0]!, 'sec-fetch-site': 'same-origin' }
    expect((await call('GET', '/v1/namespaces', undefined, session)).status).toBe(200)
    expect((await call('POST', '/v1/logout', {}, session)).status).toBe(200)
    expect((await call('GET', '/v1/namespaces', undefined, session)).status).toBe(401)
  })

  test('is not needed for what the login page reads, and only for that', async () => {
    const open = await call('GET', '/v1/management.cattle.io.settings')
    expect(open.status).toBe(200)
    expect(open.body.data.map(({ id }: { id: string }) => id)).toContain('first-login')
    expect(open.text).not.toContain('server-version')
    expect((await call('GET', '/v1-public/authproviders')).body.data[0].id).toBe('local')
    expect((await call('GET', '/v1/harvester/namespaces')).status).toBe(401)
    expect((await call('GET', '/v1/management.cattle.io.clusters')).status).toBe(401)
    expect((await call('GET', '/v3/principals')).status).toBe(401)
  })

  test('shows a dashboard who it is', async () => {
    const self = await send('POST', '/v1/ext.cattle.io.selfuser', {})
    expect(self.body.status.userID).toBe('admin')
    expect(self.headers['x-api-cattle-auth']).toBe('true')
    expect((await get('/v1/management.cattle.io.users/admin')).body).toMatchObject({ username: 'admin', me: true })
    expect((await get('/v3/principals')).body.data[0]).toMatchObject({ me: true })
    const cluster = (await get('/v1/management.cattle.io.clusters')).body.data[0]
    expect(cluster).toMatchObject({ id: 'local', status: { provider: 'harvester' } })
  })
})

describe('objects', () => {
  test('are created, read, changed and deleted, with id, type, links and state', async () => {
    const made = await send('POST', '/v1/harvester/configmaps/default', { metadata: { name: 'one' }, data: { a: '1' } })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ id: 'default/one', type: 'configmap', apiVersion: 'v1', kind: 'ConfigMap' })
    expect(made.body.links.self).toBe(`${server.url}/v1/harvester/configmaps/default/one`)
    expect(made.body.metadata.state).toEqual({ name: 'active', error: false, transitioning: false, message: '' })
    expect(made.body.metadata.fields.slice(0, 2)).toEqual(['one', 1])
    const read = await get('/v1/harvester/configmaps/default/one')
    const changed = await send('PUT', '/v1/harvester/configmaps/default/one', { ...read.body, data: { a: '2' } })
    expect(changed.status).toBe(200)
    expect(changed.body.data).toEqual({ a: '2' })
    expect((await send('DELETE', '/v1/harvester/configmaps/default/one')).status).toBeLessThan(300)
    const gone = await get('/v1/harvester/configmaps/default/one')
    expect(gone.status).toBe(404)
    expect(gone.body).toMatchObject({ type: 'error', code: 'NotFound', status: 404 })
  })

  test('with a field called type keep it under _type, both ways', async () => {
    const sent = {
      metadata: { name: 'tls', namespace: 'default' },
      type: 'secret',
      _type: 'kubernetes.io/basic-auth',
      stringData: { username: 'u' },
    }
    const made = await send('POST', '/v1/harvester/secrets', sent)
    expect(made.body).toMatchObject({ type: 'secret', _type: 'kubernetes.io/basic-auth' })
    const stored = await server
      .transport()
      .request<{ type: string }>({ method: 'GET', path: '/api/v1/namespaces/default/secrets/tls' })
    expect(stored.type).toBe('kubernetes.io/basic-auth')
    const again = await send('PUT', '/v1/harvester/secrets/default/tls', made.body)
    expect(again.body._type).toBe('kubernetes.io/basic-auth')
  })

  test('come and go as YAML', async () => {
    const text = stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'yaml' }, data: { b: 'x' } })
    const made = await call('POST', '/v1/harvester/configmaps/default', text, {
      ...bearer(),
      'content-type': 'application/yaml',
    })
    expect(made.status).toBe(201)
    const read = await get('/v1/harvester/configmaps/default/yaml', { accept: 'application/yaml' })
    expect(read.headers['content-type']).toContain('yaml')
    expect(parse(read.text)).toMatchObject({ kind: 'ConfigMap', data: { b: 'x' } })
  })

  test('without a resource version are not changed, and conflicts say so', async () => {
    await send('POST', '/v1/configmaps/default', { metadata: { name: 'two' } })
    const blind = await send('PUT', '/v1/configmaps/default/two', { metadata: { name: 'two' }, data: { a: '1' } })
    expect(blind.status).toBe(422)
    expect(blind.body.message).toContain('resourceVersion is required')
    const { body } = await get('/v1/configmaps/default/two')
    await send('PUT', '/v1/configmaps/default/two', { ...body, data: { a: '1' } })
    const late = await send('PUT', '/v1/configmaps/default/two', { ...body, data: { a: '2' } })
    expect(late.body).toMatchObject({ type: 'error', code: 'Conflict', status: 409 })
  })

  test('that are refused name the field', async () => {
    const wrong = machine('wrong')
    const reply = await send('POST', '/v1/harvester/kubevirt.io.virtualmachines', {
      ...wrong,
      spec: { ...wrong.spec, runStrategy: 'Sometimes' },
    })
    expect(reply.status).toBe(422)
    expect(reply.body).toMatchObject({ code: 'Invalid', fieldName: 'spec.runStrategy' })
  })

  test('are listed, filtered, sorted and paged', async () => {
    for (const name of ['page-b', 'page-a', 'page-c'])
      await send('POST', '/v1/configmaps/default', { metadata: { name, labels: { set: 'page' } }, data: { n: name } })
    const all = await get(
      '/v1/harvester/configmaps?labelSelector=set%3Dpage&sort=-metadata.name&exclude=metadata.managedFields',
    )
    expect(all.body).toMatchObject({ type: 'collection', resourceType: 'configmap', count: 3 })
    expect(Number(all.body.revision)).toBeGreaterThan(0)
    expect(all.body.createTypes.configmap).toBe(`${server.url}/v1/harvester/configmaps`)
    expect(all.body.data.map(({ id }: { id: string }) => id)).toEqual([
      'default/page-c',
      'default/page-b',
      'default/page-a',
    ])
    expect(all.body.data[0].metadata.managedFields).toBeUndefined()
    const page = await get('/v1/configmaps/default?filter=metadata.name=page-&sort=metadata.name&pagesize=2&page=2')
    expect(page.body).toMatchObject({ count: 3, pages: 2 })
    expect(page.body.data.map(({ id }: { id: string }) => id)).toEqual(['default/page-c'])
    const exact = await get(
      `/v1/configmaps?filter=${encodeURIComponent("metadata.name='page-a',metadata.name='page-b'")}`,
    )
    expect(exact.body.count).toBe(2)
    const none = await get('/v1/configmaps?filter=metadata.labels[set]!=page&projectsornamespaces=nowhere')
    expect(none.body.count).toBe(0)
  })

  test('of unknown types are not found', async () => {
    expect((await get('/v1/harvester/no.such.things')).body).toMatchObject({ code: 'NotFound' })
  })
})

describe('actions', () => {
  test('are offered as the state allows, and become API calls as the caller', async () => {
    await send('POST', '/v1/harvester/kubevirt.io.virtualmachines', machine('acting'))
    const { body } = await get('/v1/harvester/kubevirt.io.virtualmachines/default/acting')
    expect(body.actions.start).toBe(`${body.links.self}?action=start`)
    expect(body.actions.pause).toBeUndefined()
    const path = '/v1/harvester/kubevirt.io.virtualmachines/default/acting'
    expect((await send('POST', `${path}?action=createTemplate`, { name: 't1', description: 'of it' })).status).toBe(204)
    const made = await get('/v1/harvester/harvesterhci.io.virtualmachinetemplates/default/t1')
    expect(made.body.spec.description).toBe('of it')
  })

  test('that are not built are not offered, and asking for one says what is missing and makes nothing', async () => {
    const path = '/v1/harvester/kubevirt.io.virtualmachines/default/acting'
    const { actions } = (await get(path)).body
    for (const kind of kinds)
      for (const action of kind.actions ?? [])
        if (action.notBuilt) expect(action.notBuilt, `${kind.kind} ${action.name}`).toMatch(/in this version; /)
    for (const name of ['migrate', 'abortMigration']) {
      expect(actions).not.toHaveProperty(name)
      const reply = await send('POST', `${path}?action=${name}`, { name: 'b1' })
      expect(reply, name).toMatchObject({ status: 501, body: { type: 'error', code: 'NotImplemented' } })
      expect(reply.body.message, name).toContain('in this version')
    }
    expect((await get('/v1/harvester/harvesterhci.io.virtualmachinebackups/default/b1')).status).toBe(404)
    const missing = await send('POST', `${path}-none?action=backup`, { name: 'b1' })
    expect(missing.status).toBe(404)
  })

  test('that do not exist, or not now, are InvalidAction', async () => {
    const unknown = await send('POST', '/v1/harvester/kubevirt.io.virtualmachines/default/acting?action=fly', {})
    expect(unknown.body).toMatchObject({ type: 'error', code: 'InvalidAction' })
    const early = await send('POST', '/v1/harvester/kubevirt.io.virtualmachines/default/acting?action=pause', {})
    expect(early.body.code).toBe('InvalidAction')
  })

  test('without what they need say what is missing', async () => {
    const reply = await send('POST', '/v1/harvester/kubevirt.io.virtualmachines/default/acting?action=clone', {})
    expect(reply.status).toBe(400)
    expect(reply.body.message).toContain('"targetVm"')
  })

  test('clone a machine with copies of its volumes and Secrets', async () => {
    const api = server.transport()
    for (const name of ['acting-root', 'other'])
      await api.request({
        method: 'POST',
        path: '/api/v1/namespaces/default/persistentvolumeclaims',
        body: {
          metadata: { name, annotations: { 'harvesterhci.io/imageId': 'default/debian' } },
          spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '1Gi' } } },
        },
      })
    const secret = { metadata: { name: 'keys' }, type: 'Opaque', data: { userdata: 'eA==' } }
    await api.request({ method: 'POST', path: '/api/v1/namespaces/default/secrets', body: secret })
    const { spec } = machine('source')
    await send('POST', '/v1/harvester/kubevirt.io.virtualmachines', {
      metadata: { name: 'source', namespace: 'default', labels: { tier: 'front' } },
      spec: {
        ...spec,
        template: {
          spec: {
            domain: {
              ...cpuAndMemory,
              firmware: { uuid: '11111111-1111-4111-8111-111111111111' },
              devices: {
                disks: [{ name: 'root' }, { name: 'other' }, { name: 'cloud' }],
                interfaces: [{ name: 'default', masquerade: {}, macAddress: '52:54:00:00:00:77' }],
              },
            },
            networks: [{ name: 'default', pod: {} }],
            volumes: [
              { name: 'root', persistentVolumeClaim: { claimName: 'acting-root' } },
              { name: 'other', persistentVolumeClaim: { claimName: 'other' } },
              { name: 'cloud', cloudInitNoCloud: { secretRef: { name: 'keys' } } },
            ],
          },
        },
      },
    })
    const path = '/v1/harvester/kubevirt.io.virtualmachines/default'
    const asked = { targetVm: 'copy', runStrategy: 'Halted' }
    expect((await send('POST', `${path}/source?action=clone`, asked)).status).toBe(204)
    const { body } = await get(`${path}/copy`)
    expect(body.metadata.labels).toMatchObject({ tier: 'front' })
    expect(body.spec.runStrategy).toBe('Halted')
    const copied = body.spec.template.spec
    expect(copied.volumes).toEqual([
      { name: 'root', persistentVolumeClaim: { claimName: 'copy-root' } },
      { name: 'other', persistentVolumeClaim: { claimName: 'copy-other' } },
      { name: 'cloud', cloudInitNoCloud: { secretRef: { name: 'copy-keys' } } },
    ])
    expect(copied.hostname).toBe('copy')
    expect(copied.domain.firmware?.uuid).toBeUndefined()
    expect(copied.domain.devices.interfaces[0].macAddress).not.toBe('52:54:00:00:00:77')
    const claims = JSON.parse(body.metadata.annotations['harvesterhci.io/volumeClaimTemplates'])
    expect(claims).toMatchObject(
      [
        ['copy-root', 'acting-root'],
        ['copy-other', 'other'],
      ].map(([name, source]) => ({
        metadata: { name, annotations: { 'harvesterhci.io/imageId': 'default/debian' } },
        spec: {
          dataSource: { kind: 'PersistentVolumeClaim', name: source },
          resources: { requests: { storage: '1Gi' } },
        },
      })),
    )
    const made = await api.request<KubeObject & { data: object }>({
      method: 'GET',
      path: '/api/v1/namespaces/default/secrets/copy-keys',
    })
    expect(made.data).toEqual({ userdata: 'eA==' })
    expect(made.metadata.ownerReferences).toMatchObject([{ kind: 'VirtualMachine', name: 'copy' }])
  })

  test('createTemplate with data reads its volumes out to images, of which machines are made', async () => {
    const path = '/v1/harvester/kubevirt.io.virtualmachines/default/source'
    const asked = { name: 'golden', description: 'web', withData: true }
    expect((await send('POST', `${path}?action=createTemplate`, asked)).status).toBe(204)
    const api = server.transport()
    const base = '/apis/harvesterhci.io/v1beta1/namespaces/default'
    const images = await api.request<{ items: (KubeObject & { spec: object })[] }>({
      method: 'GET',
      path: `${base}/virtualmachineimages`,
    })
    const root = images.items.find(({ spec }) => (spec as { displayName?: string }).displayName === 'golden-root')
    expect(root?.spec).toMatchObject({
      sourceType: 'export-from-volume',
      pvcName: 'acting-root',
      pvcNamespace: 'default',
    })
    const versions = await api.request<{ items: (KubeObject & { spec: { vm: KubeObject } })[] }>({
      method: 'GET',
      path: `${base}/virtualmachinetemplateversions`,
    })
    const { vm } = versions.items.find(({ metadata }) => metadata.name?.startsWith('golden-'))!.spec
    const [claim] = JSON.parse(vm.metadata.annotations!['harvesterhci.io/volumeClaimTemplates']!)
    expect(claim).toMatchObject({
      metadata: { annotations: { 'harvesterhci.io/imageId': `default/${root!.metadata.name}` } },
      spec: { storageClassName: `lh-${root!.metadata.uid}` },
    })
  })

  test('find the nodes that a machine could move to', async () => {
    const instance = { metadata: { name: 'moving' }, spec: { domain: { memory: { guest: '64Mi' }, devices: {} } } }
    const api = server.transport()
    const base = '/apis/kubevirt.io/v1/namespaces/default'
    const ready = { conditions: [{ type: 'Ready', status: 'True' }] }
    await api.request({ method: 'POST', path: `${base}/virtualmachineinstances`, body: instance })
    for (const name of ['here', 'there', 'closed'])
      await api.request({
        method: 'POST',
        path: '/api/v1/nodes',
        body: { metadata: { name }, spec: { unschedulable: name === 'closed' }, status: ready },
      })
    for (const [plural, status] of [
      ['virtualmachineinstances', { nodeName: 'here', phase: 'Running' }],
      ['virtualmachines', { printableStatus: 'Running' }],
    ] as const) {
      if (plural === 'virtualmachines')
        await api.request({ method: 'POST', path: `${base}/${plural}`, body: machine('moving') })
      const path = `${base}/${plural}/moving`
      const stored = await api.request<object>({ method: 'GET', path })
      await api.request({ method: 'PUT', path: `${path}/status`, body: { ...stored, status } })
    }
    const found = await send(
      'POST',
      '/v1/harvester/kubevirt.io.virtualmachines/default/moving?action=findMigratableNodes',
    )
    expect(found.body).toEqual({ nodes: ['there'] })
  })

  test('make a key pair whose public half is stored and valid', async () => {
    const path = '/v1/harvester/harvesterhci.io.keypairs?action=keygen'
    const reply = await send('POST', path, { name: 'made', namespace: 'default' })
    expect(reply.body.privateKey).toContain('PRIVATE KEY')
    const stored = await get('/v1/harvester/harvesterhci.io.keypairs/default/made')
    expect(stored.body.status.fingerPrint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
  })

  test('give a kubeconfig whose token works', async () => {
    const reply = await send('POST', '/v1/management.cattle.io.clusters/local?action=generateKubeconfig')
    expect(reply.status).toBe(200)
    const config = parse(reply.body.config)
    expect(config.clusters[0].cluster.server).toBe(server.url)
    const listed = await call('GET', '/api/v1/namespaces', undefined, {
      authorization: `Bearer ${config.users[0].user.token}`,
    })
    expect(listed.status).toBe(200)
  })

  test('of deleting a machine with disks note the claims on it first', async () => {
    const spec = machine('disks').spec
    await send('POST', '/v1/harvester/kubevirt.io.virtualmachines', {
      ...machine('disks'),
      metadata: { name: 'disks', namespace: 'default', finalizers: ['test/keep'] },
      spec: {
        ...spec,
        template: {
          spec: {
            domain: { ...cpuAndMemory, devices: { disks: [{ name: 'root' }, { name: 'data' }] } },
            volumes: [
              { name: 'root', persistentVolumeClaim: { claimName: 'disks-root' } },
              { name: 'data', persistentVolumeClaim: { claimName: 'disks-data' } },
            ],
          },
        },
      },
    })
    await send(
      'DELETE',
      '/v1/harvester/kubevirt.io.virtualmachines/default/disks?removedDisks=root&propagationPolicy=Foreground',
    )
    const { body } = await get('/v1/harvester/kubevirt.io.virtualmachines/default/disks')
    expect(body.metadata.annotations['harvesterhci.io/removedPersistentVolumeClaims']).toBe('disks-root')
    expect(body.metadata.state.name).toBe('removing')
  })
})

describe('what dashboards begin with', () => {
  test('schemas say which columns and verbs a kind has', async () => {
    const { body } = await get('/v1/harvester/schemas')
    const vm = body.data.find(({ id }: { id: string }) => id === 'kubevirt.io.virtualmachine')
    expect(vm).toMatchObject({ pluralName: 'kubevirt.io.virtualmachines', collectionMethods: ['GET', 'POST'] })
    expect(vm.attributes).toMatchObject({
      group: 'kubevirt.io',
      version: 'v1',
      kind: 'VirtualMachine',
      namespaced: true,
    })
    expect(vm.attributes.columns.map(({ name }: { name: string }) => name)).toEqual(['Name', 'Age', 'Status', 'Ready'])
    expect(body.data.some(({ id }: { id: string }) => id === 'management.cattle.io.project')).toBe(false)
    expect((await get('/v1/schemas/pod')).body.attributes.resource).toBe('pods')
  })

  test('schema definitions describe fields for forms', async () => {
    const { body } = await get('/v1/schemaDefinitions/harvesterhci.io.keypair')
    expect(body.definitions['harvesterhci.io.keypair.spec'].resourceFields.publicKey).toMatchObject({
      type: 'string',
      required: true,
    })
  })

  test('counts tell how many there are, in all and by namespace', async () => {
    const { counts } = (await get('/v1/harvester/counts')).body.data[0]
    expect(counts.namespace.summary.count).toBeGreaterThan(0)
    expect(counts.configmap.namespaces.default.count).toBeGreaterThan(2)
  })

  test('preferences are kept for each user', async () => {
    const [mine] = (await get('/v1/userpreferences')).body.data
    expect(mine).toMatchObject({ id: 'admin', type: 'userpreference', data: {} })
    await send('PUT', '/v1/userpreferences/admin', { ...mine, data: { theme: 'dark' } })
    expect((await get('/v1/userpreferences/admin')).body.data).toEqual({ theme: 'dark' })
    await send('PUT', '/v1/userpreferences/admin', { ...mine, data: { theme: 'light' } })
    expect((await get('/v1/userpreferences')).body.data[0].data).toEqual({ theme: 'light' })
    expect((await get('/v1/userpreferences/other')).status).toBe(404)
  })
})

describe('subscriptions', () => {
  async function open(path = '/v1/harvester/subscribe', headers: Record<string, string> = bearer()) {
    const socket = new WebSocket(server.url.replace('https', 'wss') + path, { ca: server.pki.ca.cert, headers })
    const messages: Record<string, any>[] = []
    const waiting = new Set<() => void>()
    socket.on('message', (data: Buffer) => {
      messages.push(JSON.parse(data.toString()))
      for (const wake of waiting) wake()
    })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const next = async (fits: (message: Record<string, any>) => boolean): Promise<Record<string, any>> => {
      for (;;) {
        const found = messages.findIndex(fits)
        if (found >= 0) return messages.splice(found, 1)[0]!
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    }
    return { next, ask: (message: unknown) => socket.send(JSON.stringify(message)), close: () => socket.terminate() }
  }

  test('tell of every change from a revision on', async () => {
    const { body } = await get('/v1/harvester/configmaps')
    const client = await open()
    client.ask({ resourceType: 'configmap', resourceVersion: body.revision })
    await client.next(({ name }) => name === 'resource.start')
    await send('POST', '/v1/configmaps/default', { metadata: { name: 'told' } })
    const created = await client.next(({ name }) => name === 'resource.create')
    expect(created.data).toMatchObject({ id: 'default/told', type: 'configmap' })
    const { body: told } = await get('/v1/configmaps/default/told')
    await send('PUT', '/v1/configmaps/default/told', { ...told, data: { a: '1' } })
    expect((await client.next(({ name }) => name === 'resource.change')).data.data).toEqual({ a: '1' })
    await send('DELETE', '/v1/configmaps/default/told')
    expect((await client.next(({ name }) => name === 'resource.remove')).data.id).toBe('default/told')
    client.ask({ resourceType: 'configmap', stop: true })
    await client.next(({ name }) => name === 'resource.stop')
    client.close()
  })

  test('can only tell that something changed', async () => {
    const { body } = await get('/v1/harvester/secrets')
    const client = await open()
    client.ask({ resourceType: 'secret', resourceVersion: body.revision, mode: 'resource.changes', debounceMs: 100 })
    await client.next(({ name }) => name === 'resource.start')
    for (const name of ['x1', 'x2']) await send('POST', '/v1/secrets/default', { metadata: { name } })
    const changes = await client.next(({ name }) => name === 'resource.changes')
    expect(changes).toMatchObject({ resourceType: 'secret', mode: 'resource.changes' })
    expect(changes.data).toBeUndefined()
    client.close()
  })

  test('ping at once, and answer unknown types with an error', async () => {
    const client = await open('/v1/subscribe')
    await client.next(({ name }) => name === 'ping')
    client.ask({ resourceType: 'nothing' })
    expect((await client.next(({ name }) => name === 'resource.error')).data.error).toContain('nothing')
    client.close()
  })

  test('need a login', async () => {
    await expect(open('/v1/subscribe', {})).rejects.toThrow('401')
  })
})

describe('changing the password', () => {
  test('needs the old one, keeps this session and ends the others', async () => {
    const other = await call('POST', '/v1-public/login', login(password))
    const wrong = await send('POST', '/v3/users?action=changepassword', { currentPassword: 'x', newPassword: 'y' })
    expect(wrong.status).toBe(401)
    const changed = await send('POST', '/v3/users?action=changepassword', {
      currentPassword: password,
      newPassword: 'a much longer passphrase 7',
    })
    expect(changed.status).toBe(200)
    expect((await get('/v1/namespaces')).status).toBe(200)
    expect(
      (await call('GET', '/v1/namespaces', undefined, { authorization: `Bearer ${other.body.token}` })).status,
    ).toBe(401)
  })
})
