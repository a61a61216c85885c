import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Secret } from '@thresher/api/core/secret'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { parseClaimTemplates } from '@thresher/api/kubevirt/claim-templates'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onDisk, reached, startStorageCluster, type StorageCluster } from './storage-cluster.ts'

let cluster: StorageCluster

beforeAll(async () => {
  cluster = await startStorageCluster()
  await cluster.client.resource<Secret>(Secret).create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cloud', namespace: 'default' },
    type: 'Opaque',
    stringData: { userdata: '#cloud-config' },
  } as Secret)
  await cluster.client.resource(VirtualMachine).create(machine())
  for (const name of ['web-root', 'web-data']) {
    await until(PersistentVolumeClaim, name, (one) => one !== undefined)
    await cluster.client.resource(PersistentVolumeClaim).patch(name, 'default', {
      metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'here' } },
    })
    await bound(name)
  }
  await onDisks(['web-root', 'write -P 0x11 0 1M'], ['web-data', 'write -P 0x12 0 1M'])
}, 60_000)

afterAll(() => cluster[Symbol.asyncDispose]())

/** A machine of two volumes that is off, with a fixed address and a Secret. */
function machine(): VirtualMachine {
  const template = (name: string) => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '16Mi' } } },
  })
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      labels: { tier: 'front' },
      annotations: {
        'harvesterhci.io/volumeClaimTemplates': JSON.stringify([template('web-root'), template('web-data')]),
      },
    },
    spec: {
      runStrategy: 'Halted',
      template: {
        spec: {
          hostname: 'web',
          domain: {
            cpu: { cores: 2 },
            memory: { guest: '64Mi' },
            devices: {
              disks: ['root', 'data', 'cloud'].map((name) => ({ name, disk: { bus: 'virtio' } })),
              interfaces: [{ name: 'default', masquerade: {}, macAddress: '52:54:00:12:34:56' }],
            },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: [
            { name: 'root', persistentVolumeClaim: { claimName: 'web-root' } },
            { name: 'data', persistentVolumeClaim: { claimName: 'web-data' } },
            { name: 'cloud', cloudInitNoCloud: { secretRef: { name: 'cloud' } } },
          ],
        },
      },
    },
  }
}

const until = <O extends KubeObject>(kind: TypedKind<O>, name: string, is: (object: O | undefined) => boolean) =>
  reached(cluster, kind, name, is)

const bound = (name: string) => until(PersistentVolumeClaim, name, (one) => one?.status?.phase === 'Bound')

/** Commands of qemu-io on claims' volumes, as a guest has them. */
async function onDisks(...work: [claim: string, ...commands: string[]][]): Promise<void> {
  for (const [claim, ...commands] of work) await onDisk(cluster, claim, ...commands)
}

const claimsOf = ({ spec }: VirtualMachine) =>
  (spec.template.spec.volumes ?? []).flatMap(({ persistentVolumeClaim: one }) => one?.claimName ?? [])
const snapshot = (name: string, source = 'web') =>
  cluster.client.resource(VirtualMachineBackup).create({
    metadata: { name, namespace: 'default' },
    spec: { type: 'snapshot', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: source } },
  })
const restore = (name: string, target: string, more: Partial<VirtualMachineRestore['spec']> = {}) =>
  cluster.client.resource(VirtualMachineRestore).create({
    metadata: { name, namespace: 'default' },
    spec: {
      target: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: target },
      virtualMachineBackupName: 'before',
      virtualMachineBackupNamespace: 'default',
      ...more,
    },
  })
const complete = (name: string) => until(VirtualMachineRestore, name, (one) => one?.status?.complete === true)

describe('a VirtualMachineBackup of the type snapshot', () => {
  it('takes the machine’s declaration, its Secrets and all its volumes at one instant', async () => {
    await snapshot('before')
    const { status, metadata } = await until(VirtualMachineBackup, 'before', (one) => one?.status?.readyToUse === true)
    expect(status).toMatchObject({
      progress: 100,
      csiDriverVolumeSnapshotClassNames: { 'local.thresher.io': 'local' },
      source: {
        metadata: { name: 'web', labels: { tier: 'front' } },
        spec: { template: { spec: { hostname: 'web' } } },
      },
      volumeBackups: ['root', 'data'].map((volumeName) => ({
        name: `before-volume-web-${volumeName}`,
        volumeName,
        csiDriverName: 'local.thresher.io',
        readyToUse: true,
        volumeSize: 16 * 1024 * 1024,
        persistentVolumeClaim: { metadata: { name: `web-${volumeName}` } },
      })),
      secretBackups: [{ name: 'cloud' }],
    })
    const source = await cluster.client.resource(VirtualMachine).get('web', 'default')
    expect(status?.sourceUID).toBe(source.metadata.uid)
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'VirtualMachine', name: 'web' }])
    expect(status?.conditions).toMatchObject([
      { type: 'InProgress', status: 'False' },
      { type: 'Ready', status: 'True' },
    ])
    expect(JSON.stringify(status)).not.toContain('userdata')
    const copy = await cluster.client.resource<Secret>(Secret).get('before-secret-cloud', 'default')
    expect(Buffer.from(copy.data!['userdata']!, 'base64').toString()).toBe('#cloud-config')
    const taken = await cluster.client.resource(VolumeSnapshot).get('before-volume-web-root', 'default')
    expect(taken.metadata.ownerReferences).toMatchObject([{ kind: 'VirtualMachineBackup', name: 'before' }])
  })

  it('of what cannot be taken is refused', async () => {
    await expect(snapshot('none', 'gone')).rejects.toThrow('the VM default/gone does not exist')
    await expect(snapshot('empty', '')).rejects.toThrow('source VM name is empty')
  })
})

describe('a VirtualMachineRestore', () => {
  it('makes a new machine with the data of then, addresses of its own and its own Secrets', async () => {
    await onDisks(['web-root', 'write -P 0x21 0 1M'], ['web-data', 'write -P 0x22 0 1M'])
    await restore('as-new', 'web2', { newVM: true, haltAfterRestore: true })
    const { status, metadata } = await complete('as-new')
    expect(status).toMatchObject({ progress: 100, restores: [{ volumeName: 'root' }, { volumeName: 'data' }] })
    const made = await cluster.client.resource(VirtualMachine).get('web2', 'default')
    expect(status?.targetUID).toBe(made.metadata.uid)
    const names = ['root', 'data'].map((volume) => `restore-before-${metadata.uid}-${volume}`)
    expect(claimsOf(made)).toEqual(names)
    expect(parseClaimTemplates(made.metadata).map((one) => one.metadata.name)).toEqual(names)
    expect(made.spec).toMatchObject({
      runStrategy: 'Halted',
      template: { spec: { hostname: 'web2', domain: { cpu: { cores: 2 } } } },
    })
    expect(made.spec.template.spec.domain.devices.interfaces?.[0]?.macAddress).not.toBe('52:54:00:12:34:56')
    expect(made.metadata.labels).toBeUndefined()
    const [, , cloud] = made.spec.template.spec.volumes ?? []
    expect(cloud?.cloudInitNoCloud?.secretRef?.name).toBe('web2-cloud')
    const secret = await cluster.client.resource<Secret>(Secret).get('web2-cloud', 'default')
    expect(secret.metadata.ownerReferences).toMatchObject([{ kind: 'VirtualMachine', name: 'web2' }])
    await onDisks([names[0]!, 'read -P 0x11 0 1M'], [names[1]!, 'read -P 0x12 0 1M'])
  })

  it('takes the machine back in place, keeps its addresses, and leaves the volumes of now', async () => {
    await restore('in-place', 'web', { deletionPolicy: 'retain', haltAfterRestore: true })
    const { metadata } = await complete('in-place')
    const back = await cluster.client.resource(VirtualMachine).get('web', 'default')
    const names = ['root', 'data'].map((volume) => `restore-before-${metadata.uid}-${volume}`)
    expect(claimsOf(back)).toEqual(names)
    expect(back.metadata.labels).toEqual({ tier: 'front' })
    expect(back.spec.template.spec.domain.devices.interfaces?.[0]?.macAddress).toBe('52:54:00:12:34:56')
    await onDisks([names[0]!, 'read -P 0x11 0 1M'], ['web-root', 'read -P 0x21 0 1M'])
  })

  it.each([
    ['of another name', 'web', { virtualMachineBackupName: 'gone' }, 'VMBackup default/gone does not exist'],
    [
      'of another namespace',
      'web',
      { virtualMachineBackupNamespace: 'kube-public' },
      'VMBackup kube-public/before does not exist',
    ],
    ['to a new machine of a name that is taken', 'web', { newVM: true }, 'VM web is already exists'],
    ['of a machine that is gone', 'gone', {}, "can't replace nonexistent vm gone"],
    [
      'that deletes the volumes of now',
      'web',
      { deletionPolicy: 'delete' },
      'Delete policy with backup type snapshot for replacing VM is not supported',
    ],
    ['with no machine', '', {}, 'Target VM name is invalid'],
  ])('%s is refused', async (_, target, more, words) => {
    await expect(restore('refused', target, more)).rejects.toThrow(words)
  })

  it('of a machine that runs is refused', async () => {
    const machines = cluster.client.resource(VirtualMachine)
    await machines.patch('web', 'default', { spec: { runStrategy: 'RerunOnFailure' } })
    await until(VirtualMachine, 'web', (one) => one?.status?.printableStatus !== 'Stopped')
    await expect(restore('running', 'web')).rejects.toThrow('Please stop the VM "web" before doing a restore')
    await machines.patch('web', 'default', { spec: { runStrategy: 'Halted' } })
    await until(VirtualMachine, 'web', (one) => one?.status?.printableStatus === 'Stopped')
  })

  it('runs the machine as it ran before, unless it is to stay off', async () => {
    await restore('started', 'web3', { newVM: true })
    await complete('started')
    const made = await cluster.client.resource(VirtualMachine).get('web3', 'default')
    expect(made.spec.runStrategy).toBe('RerunOnFailure')
  })
})

describe('the snapshot of a machine', () => {
  it('goes with its volumes’ snapshots and its Secrets, and what was restored stays', async () => {
    await cluster.client.resource(VirtualMachineBackup).delete('before', 'default')
    for (const name of ['before-volume-web-root', 'before-volume-web-data'])
      await until(VolumeSnapshot, name, (one) => one === undefined)
    await until(Secret as TypedKind<Secret>, 'before-secret-cloud', (one) => one === undefined)
    expect(await cluster.storage.driver.listSnapshots()).toEqual([])
    const [root] = claimsOf(await cluster.client.resource(VirtualMachine).get('web2', 'default'))
    await onDisks([root!, 'read -P 0x11 0 1M'])
  })
})
