import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KubeObject } from '@thresher/api/meta'
import { startSecureServer, type SecureServer } from '../testing.ts'

let secure: SecureServer
let asAdmin: SecureServer['asAdmin']
type Loose = KubeObject & { spec: Record<string, unknown>; status?: Record<string, unknown> }

beforeAll(async () => {
  secure = await startSecureServer({ namespaces: ['default', 'kube-node-lease', 'kube-system'] })
  asAdmin = secure.asAdmin
  for (const node of ['n1', 'n2']) {
    await asAdmin('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: `secret-${node}` } })
    await asAdmin('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: `cloud-${node}` } })
    await asAdmin('POST', '/api/v1/namespaces/default/persistentvolumeclaims', {
      metadata: { name: `claim-${node}`, annotations: { 'volume.kubernetes.io/selected-node': node } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    })
    const machine = await asAdmin<KubeObject>(
      'POST',
      '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances',
      {
        metadata: { name: `vm-${node}` },
        spec: {
          domain: { memory: { guest: '64Mi' }, devices: { disks: [{ name: 'ci', disk: { bus: 'virtio' } }] } },
          volumes: [{ name: 'ci', cloudInitNoCloud: { secretRef: { name: `cloud-${node}` } } }],
        },
      },
    )
    await asAdmin('POST', '/api/v1/namespaces/default/pods', {
      metadata: {
        name: `pod-${node}`,
        ownerReferences: [
          {
            apiVersion: 'kubevirt.io/v1',
            kind: 'VirtualMachineInstance',
            name: `vm-${node}`,
            uid: machine.metadata.uid,
            controller: true,
          },
        ],
      },
      spec: {
        nodeName: node,
        containers: [{ name: 'c', image: 'i', envFrom: [{ secretRef: { name: `secret-${node}` } }] }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: `claim-${node}` } }],
      },
    })
    await asAdmin('PUT', `/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm-${node}`, {
      ...machine,
      status: { nodeName: node, phase: 'Running' },
    })
    const live = await asAdmin<Loose>(
      'GET',
      `/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm-${node}`,
    )
    if (!live.status?.nodeName)
      await asAdmin('PUT', `/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm-${node}/status`, {
        ...live,
        status: { nodeName: node, phase: 'Running' },
      })
  }
})
afterAll(() => secure.close())

const n1 = (method: string, path: string, body?: unknown) =>
  secure.call(method, path, {
    body,
    cert: (identity ??= secure.server.certificate({ name: 'system:node:n1', groups: ['system:nodes'] })),
  })
let identity: { cert: string; key: string } | undefined
const status = async (method: string, path: string, body?: unknown) => (await n1(method, path, body)).status
const core = '/api/v1/namespaces/default'
const machines = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances'

describe('a node', () => {
  test('registers itself and renews its own lease, no other', async () => {
    const node = (name: string, more: object = {}) => ({ metadata: { name, ...more } })
    expect(await status('POST', '/api/v1/nodes', node('n1', { labels: { 'kubernetes.io/hostname': 'n1' } }))).toBe(201)
    expect(await n1('POST', '/api/v1/nodes', node('n2'))).toMatchObject({
      status: 403,
      body: { message: 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"' },
    })
    await asAdmin('POST', '/api/v1/nodes', node('n2'))
    const own = await asAdmin<Loose>('GET', '/api/v1/nodes/n1')
    expect(await status('PUT', '/api/v1/nodes/n1/status', { ...own, status: { capacity: { cpu: '4' } } })).toBe(200)
    expect(await status('PUT', '/api/v1/nodes/n2/status', await asAdmin('GET', '/api/v1/nodes/n2'))).toBe(403)
    expect(await status('DELETE', '/api/v1/nodes/n1')).toBe(403)
    const current = await asAdmin<Loose>('GET', '/api/v1/nodes/n1')
    const labelled = {
      ...current,
      metadata: {
        ...current.metadata,
        labels: { ...current.metadata.labels, 'node-role.kubernetes.io/control-plane': '' },
      },
    }
    expect(await status('PUT', '/api/v1/nodes/n1', labelled)).toBe(403)
    expect(
      await status('PUT', '/api/v1/nodes/n1', { ...current, spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
    ).toBe(403)
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    expect(await status('POST', leases, { metadata: { name: 'n1' }, spec: { holderIdentity: 'n1' } })).toBe(201)
    expect(await status('POST', leases, { metadata: { name: 'n2' }, spec: {} })).toBe(403)
    expect(
      await status('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', {
        metadata: { name: 'n1' },
        spec: {},
      }),
    ).toBe(403)
  })

  test('reports its own room for volumes, and takes its own snapshots, no others', async () => {
    const capacities = '/apis/storage.k8s.io/v1/namespaces/kube-system/csistoragecapacities'
    const capacity = (node: string) => ({
      metadata: { name: `local-${node}` },
      storageClassName: 'local',
      nodeTopology: { matchLabels: { 'kubernetes.io/hostname': node } },
      capacity: '1Gi',
    })
    expect(await status('POST', capacities, capacity('n1'))).toBe(201)
    expect(await status('POST', capacities, capacity('n2'))).toBe(403)
    await asAdmin('POST', capacities, capacity('n2'))
    const other = await asAdmin<Loose>('GET', `${capacities}/local-n2`)
    expect(await status('PUT', `${capacities}/local-n2`, { ...other, nodeTopology: capacity('n1').nodeTopology })).toBe(
      403,
    )
    const contents = '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents'
    for (const node of ['n1', 'n2'])
      await asAdmin('POST', contents, {
        metadata: { name: `content-${node}`, annotations: { 'thresher.io/snapshot-node': node } },
        spec: {
          driver: 'local.thresher.io',
          deletionPolicy: 'Delete',
          source: { volumeHandle: 'v' },
          volumeSnapshotRef: { name: 's', namespace: 'default' },
        },
      })
    const [own, foreign] = await Promise.all(
      ['n1', 'n2'].map((node) => asAdmin<Loose>('GET', `${contents}/content-${node}`)),
    )
    const taken = { status: { readyToUse: true, snapshotHandle: 'x' } }
    expect(await status('PUT', `${contents}/content-n1/status`, { ...own, ...taken })).toBe(200)
    expect(await status('PUT', `${contents}/content-n2/status`, { ...foreign, ...taken })).toBe(403)
    const now = await asAdmin<Loose>('GET', `${contents}/content-n1`)
    expect(
      await status('PUT', `${contents}/content-n1`, { ...now, spec: { ...now.spec, deletionPolicy: 'Retain' } }),
    ).toBe(403)
    expect(await status('DELETE', `${contents}/content-n1`)).toBe(403)
  })

  test('reads the secrets of its own pods and machines, by name, and no others', async () => {
    expect(await status('GET', `${core}/secrets/secret-n1`)).toBe(200)
    expect(await status('GET', `${core}/secrets/cloud-n1`)).toBe(200)
    expect(await status('GET', `${core}/secrets/secret-n2`)).toBe(403)
    expect(await status('GET', `${core}/secrets/cloud-n2`)).toBe(403)
    expect(await status('GET', `${core}/secrets`)).toBe(403)
    expect(await status('GET', `${core}/secrets/secret-n1?watch=true`)).toBe(403)
    expect(await status('PUT', `${core}/secrets/secret-n1`, {})).toBe(403)
  })

  test('reports on its own pods and machines without changing what they are asked to be', async () => {
    const own = await asAdmin<Loose>('GET', `${core}/pods/pod-n1`)
    expect(
      await status('PUT', `${core}/pods/pod-n1/status`, { ...own, status: { ...own.status, phase: 'Running' } }),
    ).toBe(200)
    expect(await status('GET', `${core}/pods/pod-n2`)).toBe(403)
    expect(await status('PUT', `${core}/pods/pod-n2/status`, await asAdmin('GET', `${core}/pods/pod-n2`))).toBe(403)
    expect(await status('DELETE', `${core}/pods/pod-n2`)).toBe(403)
    expect(
      await status('POST', `${core}/pods`, {
        metadata: { name: 'x' },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      }),
    ).toBe(403)
    const machine = await asAdmin<Loose>('GET', `${machines}/vm-n1`)
    expect(
      await status('PUT', `${machines}/vm-n1`, {
        ...machine,
        status: { ...machine.status, guestOSInfo: { name: 'Linux' } },
      }),
    ).toBe(200)
    const next = await asAdmin<Loose>('GET', `${machines}/vm-n1`)
    expect(await status('PUT', `${machines}/vm-n1`, { ...next, spec: { ...next.spec, hostname: 'changed' } })).toBe(403)
    expect(await status('GET', `${machines}/vm-n2`)).toBe(403)
    expect(await status('DELETE', `${machines}/vm-n1`)).toBe(403)
  })

  test('is told that what is gone is gone, and cannot bring it back', async () => {
    expect(await status('DELETE', `${core}/pods/gone`)).toBe(404)
    expect(await status('GET', `${core}/pods/gone`)).toBe(404)
    expect(await status('GET', `${machines}/gone`)).toBe(404)
    expect(await status('GET', `${machines.replace('instances', 's')}/gone`)).toBe(404)
    const cert = secure.server.certificate({ name: 'system:node:n1', groups: ['system:nodes'] })
    const headers = { 'content-type': 'application/apply-patch+yaml' }
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'gone' },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
    }
    expect((await secure.call('PATCH', `${core}/pods/gone?fieldManager=t`, { cert, headers, body })).status).toBe(403)
  })

  test('lists and watches its own pods and machines, not those of others', async () => {
    const names = async (path: string) =>
      ((await n1('GET', path)).body.items as KubeObject[] | undefined)?.map((item) => item.metadata.name)
    expect(await names('/api/v1/pods?fieldSelector=spec.nodeName%3Dn1')).toEqual(['pod-n1'])
    expect(await names('/apis/kubevirt.io/v1/virtualmachineinstances?fieldSelector=status.nodeName%3Dn1')).toEqual([
      'vm-n1',
    ])
    for (const selector of [
      '',
      '?fieldSelector=spec.nodeName%3Dn2',
      '?fieldSelector=spec.nodeName!%3Dn1',
      '?fieldSelector=spec.nodeName%3Dn2&fieldSelector=spec.nodeName%3Dn1',
      '?labelSelector=spec.nodeName%3Dn1',
      '?watch=1',
    ])
      expect(await status('GET', `/api/v1/pods${selector}`), selector).toBe(403)
    const all = '/apis/kubevirt.io/v1/virtualmachineinstances'
    expect(await status('GET', all)).toBe(403)
    for (const label of ['kubevirt.io%2FnodeName', 'kubevirt.io%2FmigrationTargetNodeName']) {
      expect(await status('GET', `${all}?labelSelector=${label}%3Dn1`), label).toBe(200)
      for (const selector of [`${label}%3Dn2`, `${label}!%3Dn1`, label, `x%20in%20(a,${label}%3Dn1)`])
        expect(await status('GET', `${all}?labelSelector=${selector}`), selector).toBe(403)
    }
  })

  test('provisions the claims that were given to it, on volumes of its own', async () => {
    const claim = await asAdmin<Loose>('GET', `${core}/persistentvolumeclaims/claim-n1`)
    expect(
      await status('PUT', `${core}/persistentvolumeclaims/claim-n1`, {
        ...claim,
        metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, x: 'y' } },
      }),
    ).toBe(403)
    expect(
      await status('PUT', `${core}/persistentvolumeclaims/claim-n1/status`, {
        ...claim,
        status: { ...claim.status, conditions: [{ type: 'Resizing', status: 'True' }] },
      }),
    ).toBe(200)
    expect(
      await status(
        'PUT',
        `${core}/persistentvolumeclaims/claim-n2`,
        await asAdmin('GET', `${core}/persistentvolumeclaims/claim-n2`),
      ),
    ).toBe(403)
    const other = await asAdmin<Loose>('GET', `${core}/persistentvolumeclaims/claim-n2`)
    await asAdmin('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name: 'local' },
      provisioner: 'local.thresher.io',
    })
    const given = await asAdmin<Loose>('POST', `${core}/persistentvolumeclaims`, {
      metadata: { name: 'given', annotations: { 'volume.kubernetes.io/selected-node': 'n1' } },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'local', resources: { requests: { storage: '1Gi' } } },
    })
    const ref = ({ metadata: { name, namespace, uid } }: KubeObject) => ({ name, namespace, uid })
    const csi = { driver: 'local.thresher.io', volumeHandle: 'v' }
    const volume = (name: string, node: string, more: object = {}) => ({
      metadata: { name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'local',
        claimRef: ref(given),
        csi,
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
            ],
          },
        },
        ...more,
      },
    })
    const volumes = '/api/v1/persistentvolumes'
    for (const [what, body] of [
      ['without a claim', volume('x', 'n1', { claimRef: undefined })],
      ["for another node's claim", volume('x', 'n1', { claimRef: ref(other) })],
      ['for a claim of that name that was there before', volume('x', 'n1', { claimRef: { ...ref(given), uid: 'u' } })],
      ['of the host', volume('x', 'n1', { csi: undefined, hostPath: { path: '/etc' } })],
      ['of a server', volume('x', 'n1', { csi: undefined, nfs: { server: 's', path: '/' } })],
      ['of another driver', volume('x', 'n1', { csi: { ...csi, driver: 'rbd.example' } })],
      ['of another class', volume('x', 'n1', { storageClassName: 'other' })],
      ['on another node', volume('x', 'n2')],
    ] as const)
      expect(await status('POST', volumes, body), what).toBe(403)
    expect(await status('POST', volumes, volume('pv1', 'n1'))).toBe(201)
    const made = await asAdmin<Loose>('GET', `${volumes}/pv1`)
    const put = (spec: object) => status('PUT', `${volumes}/pv1`, { ...made, spec: { ...made.spec, ...spec } })
    expect(await put({ claimRef: ref(other) })).toBe(403)
    expect(await put({ persistentVolumeReclaimPolicy: 'Delete' })).toBe(403)
    expect(await put({ capacity: { storage: '2Gi' } })).toBe(200)
    await asAdmin('POST', volumes, volume('pv2', 'n2'))
    expect(await status('DELETE', `${volumes}/pv2`)).toBe(403)
    expect(await status('DELETE', `${volumes}/pv1`)).toBe(200)
  })

  test('changes no labels or annotations of what it runs', async () => {
    for (const path of [`${core}/pods/pod-n1`, `${machines}/vm-n1`])
      for (const field of ['labels', 'annotations']) {
        const own = await asAdmin<Loose>('GET', path)
        const changed = {
          ...own,
          metadata: { ...own.metadata, [field]: { ...own.metadata[field as 'labels'], x: 'y' } },
        }
        expect(await status('PUT', path, changed), `${path} ${field}`).toBe(403)
      }
  })

  test('gets tokens only for the accounts of its pods, bound to them', async () => {
    const pod1 = await asAdmin<KubeObject>('GET', `${core}/pods/pod-n1`)
    const pod2 = await asAdmin<KubeObject>('GET', `${core}/pods/pod-n2`)
    const path = `${core}/serviceaccounts/default/token`
    const bound = (pod: KubeObject) => ({
      spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid: pod.metadata.uid } },
    })
    expect(await status('POST', path, bound(pod1))).toBe(201)
    expect(await status('POST', path, bound(pod2))).toBe(403)
    expect(await status('POST', path, { spec: {} })).toBe(403)
  })

  test("imports the images that are assigned to it, and cannot take another node's", async () => {
    const images = '/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages'
    const image = (name: string, node: string) => ({
      metadata: { name, annotations: { 'thresher.io/import-node': node } },
      spec: { displayName: name, sourceType: 'download', url: 'http://192.0.2.1/x.qcow2' },
    })
    const own = await asAdmin<Loose>('POST', images, image('i1', 'n1'))
    const other = await asAdmin<Loose>('POST', images, image('i2', 'n2'))
    const report = (of: Loose) => ({ ...of, status: { progress: 10 } })
    const results = [
      await status('PUT', `${images}/i1`, report(own)),
      await status('PUT', `${images}/i2`, report(other)),
    ]
    expect(results).toEqual([200, 403])
    const taken = { ...other, metadata: { ...other.metadata, annotations: { 'thresher.io/import-node': 'n1' } } }
    expect(await status('PUT', `${images}/i2`, taken)).toBe(403)
  })

  test('has no way up: no roles, bindings, users, impersonation, exec or foreign namespaces', async () => {
    for (const [method, path] of [
      ['GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles'],
      ['POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings'],
      ['GET', '/apis/auth.thresher.io/v1/tokens'],
      ['POST', `${core}/pods/pod-n1/exec`],
      ['POST', `${core}/pods/pod-n1/binding`],
      ['POST', `${core}/serviceaccounts`],
      ['GET', `${core}/configmaps`],
      ['DELETE', `${core}/pods`],
      ['POST', machines],
      ['GET', '/metrics'],
    ] as const)
      expect(await status(method, path, method === 'POST' ? {} : undefined), `${method} ${path}`).toBe(403)
    const cert = secure.server.certificate({ name: 'system:node:n1', groups: ['system:nodes'] })
    expect(
      (await secure.call('GET', `${core}/secrets`, { cert, headers: { 'impersonate-user': 'admin' } })).status,
    ).toBe(403)
    // The name alone, without the group, is no node; nor is the group without the name.
    for (const half of [
      { name: 'system:node:n1', groups: [] },
      { name: 'n1', groups: ['system:nodes'] },
      { name: 'system:node:', groups: ['system:nodes'] },
    ])
      expect((await secure.call('GET', '/api/v1/nodes', { cert: secure.server.certificate(half) })).status).toBe(403)
  })
})
