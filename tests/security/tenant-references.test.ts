import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kinds } from '@thresher/api/kinds'
import { Security } from '@thresher/apiserver/auth/security'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { references } from '@thresher/server/admission/references'
import { referenceTable } from '@thresher/server/admission/reference-table'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let directory: string
let server: TestServer
let security: Security

const harvester = '/apis/harvesterhci.io/v1beta1'
const kubevirt = '/apis/kubevirt.io/v1'
const rbac = '/apis/rbac.authorization.k8s.io/v1'

type Asker = <T = Record<string, unknown>>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<T>

function as(name: string): Asker {
  const user = name === 'admin' ? { name, groups: ['system:masters'] } : { name, groups: ['system:authenticated'] }
  return (method, path, body) => server.api.transport(user).request({ method, path, body })
}
const admin: Asker = (...request) => as('admin')(...request)

/** May write every kind that holds references in `mine`, and at the cluster's scope, but nothing in `theirs`. */
const tenant: Asker = (...request) => as('tenant')(...request)
/** As the tenant, and may do everything in `theirs`. */
const owner: Asker = (...request) => as('owner')(...request)

async function mayAll(user: string, namespace: string): Promise<void> {
  await admin('POST', `${rbac}/namespaces/${namespace}/rolebindings`, {
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  })
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'references-'))
  const pki = await ensurePki(join(directory, 'pki'), { names: [], addresses: [] })
  security = new Security({ pki, serverUrl: 'https://127.0.0.1', onError: (error) => console.error(error) })
  server = await startTestServer({
    directory,
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    admission: [...security.admission, references(security.authorizer, () => server.api.objects)],
    subresources: security.subresources,
    routes: security.routes,
  })
  await security.start(server.api.objects)
  for (const name of ['mine', 'theirs', 'public']) await admin('POST', '/api/v1/namespaces', { metadata: { name } })
  for (const user of ['tenant', 'owner']) await mayAll(user, 'mine')
  await mayAll('owner', 'theirs')
  await admin('POST', `${rbac}/clusterroles`, {
    metadata: { name: 'scoped' },
    rules: [
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['*'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['*'] },
    ],
  })
  for (const name of ['tenant', 'owner'])
    await admin('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: `scoped-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'scoped' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    })
  const networks = { apiGroups: ['network.harvesterhci.io'], resources: ['clusternetworks'], resourceNames: ['theirs'] }
  await admin('POST', `${rbac}/clusterroles`, { metadata: { name: 'wire' }, rules: [{ ...networks, verbs: ['use'] }] })
  await admin('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'wire' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'wire' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'owner' }],
  })
  await admin('POST', '/apis/storage.k8s.io/v1/storageclasses', {
    metadata: { name: 'lh-theirs' },
    provisioner: 'local.thresher.io',
    parameters: { imageId: 'theirs/secret' },
  })
})
afterAll(async () => {
  security.stop()
  await server.close()
  await rm(directory, { recursive: true, force: true })
})

let made = 0
const claimSpec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
const ofClass = { ...claimSpec, storageClassName: 'lh-theirs' }
const imageId = { 'harvesterhci.io/imageId': 'theirs/secret' }
const guest = { domain: { devices: {}, memory: { guest: '64Mi' } } }
const claims = (...list: object[]) => ({ 'harvesterhci.io/volumeClaimTemplates': JSON.stringify(list) })
const container = { containers: [{ name: 'c', image: 'i' }] }
const networks = [{ name: 'n', multus: { networkName: 'theirs/vlan' } }]
const connected = {
  domain: { memory: { guest: '64Mi' }, devices: { interfaces: [{ name: 'n', bridge: {} }] } },
  networks,
}
const machine = (spec: object, more: object = {}, metadata: object = {}) => ({
  metadata,
  spec: {
    runStrategy: 'Halted',
    template: { spec, ...('template' in more ? (more.template as object) : {}) },
    ...('own' in more ? (more.own as object) : {}),
  },
})
const dataVolume = (spec: object) =>
  machine(guest, { own: { dataVolumeTemplates: [{ metadata: { name: 'd' }, spec }] } })
const version = (spec: object) => ({ spec: { templateId: 'mine/t', ...spec } })
const statefulSet = (claim: object) => ({
  spec: {
    serviceName: 's',
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: container },
    volumeClaimTemplates: [claim],
  },
})

interface Attack {
  metadata?: object
  spec?: object
}
const core = '/api/v1/namespaces/mine'
const own = (base: string, plural: string) => `${base}/namespaces/mine/${plural}`
const images = own(harvester, 'virtualmachineimages')
const machines = own(kubevirt, 'virtualmachines')
const versions = own(harvester, 'virtualmachinetemplateversions')
const pods = `${core}/pods`

/** How somebody else's thing is reached for: the kind, what is said of it, and the object. */
const attacks: [what: string, path: string, object: Attack & Record<string, unknown>][] = [
  [
    'an image exported from a volume',
    images,
    { spec: { displayName: 'x', sourceType: 'export-from-volume', pvcNamespace: 'theirs', pvcName: 'disk' } },
  ],
  [
    'an image decrypted from another',
    images,
    {
      spec: {
        displayName: 'y',
        sourceType: 'clone',
        securityParameters: { cryptoOperation: 'decrypt', sourceImageNamespace: 'theirs', sourceImageName: 'secret' },
      },
    },
  ],
  [
    'an image whose class uses a secret',
    images,
    {
      spec: {
        displayName: 'z',
        sourceType: 'upload',
        storageClassParameters: {
          'csi.storage.k8s.io/node-stage-secret-name': 's',
          'csi.storage.k8s.io/node-stage-secret-namespace': 'theirs',
        },
      },
    },
  ],
  ['a claim of an image', `${core}/persistentvolumeclaims`, { metadata: { annotations: imageId }, spec: claimSpec }],
  ["a claim of an image's class", `${core}/persistentvolumeclaims`, { spec: ofClass }],
  [
    'a claim that clones',
    `${core}/persistentvolumeclaims`,
    { spec: { ...claimSpec, dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'disk', namespace: 'theirs' } } },
  ],
  [
    'a machine that declares a claim of an image',
    machines,
    machine(guest, {}, { annotations: claims({ metadata: { name: 'c', annotations: imageId }, spec: claimSpec }) }),
  ],
  [
    "a machine that declares a claim of an image's class",
    machines,
    machine(guest, {}, { annotations: claims({ metadata: { name: 'c' }, spec: ofClass }) }),
  ],
  [
    'a machine whose data volume clones a claim',
    machines,
    dataVolume({ source: { pvc: { namespace: 'theirs', name: 'disk' } }, storage: {} }),
  ],
  [
    'a machine whose data volume clones a snapshot',
    machines,
    dataVolume({ source: { snapshot: { namespace: 'theirs', name: 'disk' } }, storage: {} }),
  ],
  [
    'a machine whose data volume has a data source',
    machines,
    dataVolume({ sourceRef: { kind: 'DataSource', namespace: 'theirs', name: 'disk' }, storage: {} }),
  ],
  ["a machine whose data volume is of an image's class", machines, dataVolume({ source: { blank: {} }, pvc: ofClass })],
  ['a machine on a network', machines, machine(connected)],
  [
    'a machine with a key',
    machines,
    machine(guest, { template: { metadata: { annotations: { 'harvesterhci.io/sshNames': '["theirs/key"]' } } } }),
  ],
  ['a running machine on a network', own(kubevirt, 'virtualmachineinstances'), { spec: connected }],
  ['a template with an image', versions, version({ imageId: 'theirs/secret' })],
  ['a template with a key', versions, version({ keyPairIds: ['theirs/key'] })],
  ['a template of a machine on a network', versions, version({ vm: machine({ networks }) })],
  [
    'a template that declares a claim of an image',
    versions,
    version({
      vm: machine(
        guest,
        {},
        { annotations: claims({ metadata: { name: 'c', annotations: imageId }, spec: claimSpec }) },
      ),
    }),
  ],
  [
    'a machine restored from a backup',
    own(harvester, 'virtualmachinerestores'),
    {
      spec: {
        target: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'v' },
        newVM: true,
        virtualMachineBackupName: 'b',
        virtualMachineBackupNamespace: 'theirs',
      },
    },
  ],
  [
    'a storage class of an image',
    '/apis/storage.k8s.io/v1/storageclasses',
    { provisioner: 'p', parameters: { imageId: 'theirs/secret' } },
  ],
  [
    'a storage class with a secret',
    '/apis/storage.k8s.io/v1/storageclasses',
    {
      provisioner: 'p',
      parameters: {
        'csi.storage.k8s.io/provisioner-secret-name': 's',
        'csi.storage.k8s.io/provisioner-secret-namespace': 'theirs',
      },
    },
  ],
  [
    'a volume with a secret',
    '/api/v1/persistentvolumes',
    {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        csi: { driver: 'd', volumeHandle: 'h', nodeStageSecretRef: { name: 's', namespace: 'theirs' } },
      },
    },
  ],
  [
    'a pod on a network',
    pods,
    { metadata: { annotations: { 'k8s.v1.cni.cncf.io/networks': 'own, theirs/vlan@eth1' } }, spec: container },
  ],
  [
    'a pod on a network, in JSON',
    pods,
    {
      metadata: { annotations: { 'k8s.v1.cni.cncf.io/networks': '[{"name":"vlan","namespace":"theirs"}]' } },
      spec: container,
    },
  ],
  [
    'a pod with a volume of an image',
    pods,
    {
      spec: {
        ...container,
        volumes: [
          { name: 'v', ephemeral: { volumeClaimTemplate: { metadata: { annotations: imageId }, spec: claimSpec } } },
        ],
      },
    },
  ],
  [
    "a set with volumes of an image's class",
    own('/apis/apps/v1', 'statefulsets'),
    statefulSet({ metadata: { name: 'c' }, spec: ofClass }),
  ],
  [
    'a bundle of what runs',
    own(harvester, 'supportbundles'),
    { spec: { description: 'd', extraCollectionNamespaces: ['theirs'] } },
  ],
  [
    'a network on a wire of the hosts',
    own('/apis/k8s.cni.cncf.io/v1', 'network-attachment-definitions'),
    { spec: { config: '{"type":"bridge","bridge":"theirs-br","vlan":10}' } },
  ],
]

/** The object under a name of its own. */
const numbered = (object: Attack & Record<string, unknown>) => ({
  ...object,
  metadata: { ...object.metadata, name: `x${made++}` },
})

describe("another tenant's things", () => {
  test.each(attacks)('%s is refused to who has no right there, and made for who has', async (_, path, object) => {
    await expect(tenant('POST', path, numbered(object))).rejects.toMatchObject({
      code: 403,
      message: expect.stringMatching(/User "tenant" cannot .*: .* refers to theirs/) as unknown,
    })
    await expect(owner('POST', path, numbered(object))).resolves.toBeTruthy()
  })

  test('every row of the table is attacked', () => {
    const attacked = new Set(attacks.map(([, path]) => path.split('/').at(-1)))
    expect(referenceTable.map(({ kind }) => kind.plural).filter((plural) => !attacked.has(plural))).toEqual([])
  })

  test('cannot be reached by an update either, but who writes on may keep what another referred to', async () => {
    const made = await tenant<{ metadata: object }>('POST', machines, numbered(machine(guest)))
    const path = `${machines}/${(made.metadata as { name: string }).name}`
    const changed = { ...made, spec: machine(connected).spec }
    await expect(tenant('PUT', path, changed)).rejects.toMatchObject({ code: 403 })
    const theirs = await owner<{ metadata: object }>('PUT', path, changed)
    await expect(
      tenant('PUT', path, { ...theirs, metadata: { ...theirs.metadata, labels: { a: 'b' } } }),
    ).resolves.toBeTruthy()
  })

  test('are not asked for in numbers that would hold the server', async () => {
    const names = Array.from({ length: 5000 }, (_, at) => `theirs/n${at}`).join()
    const metadata = { annotations: { 'k8s.v1.cni.cncf.io/networks': names } }
    await expect(owner('POST', pods, numbered({ metadata, spec: container }))).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining('at most 256 objects in other namespaces') as unknown,
    })
  })

  test('can be used once they are open to all', async () => {
    await admin('POST', `${rbac}/namespaces/public/roles`, {
      metadata: { name: 'readers' },
      rules: [{ apiGroups: ['harvesterhci.io'], resources: ['virtualmachineimages'], verbs: ['get'] }],
    })
    await admin('POST', `${rbac}/namespaces/public/rolebindings`, {
      metadata: { name: 'readers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'readers' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
    })
    const annotations = { 'harvesterhci.io/imageId': 'public/debian' }
    const claim = numbered({ metadata: { annotations }, spec: claimSpec })
    await expect(tenant('POST', `${core}/persistentvolumeclaims`, claim)).resolves.toBeTruthy()
  })
})
