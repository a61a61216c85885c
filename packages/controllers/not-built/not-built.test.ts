import type { Kind } from '@thresher/api/kind'
import { kinds } from '@thresher/api/kinds'
import type { KubeObject } from '@thresher/api/meta'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nextStatus, type Line, type WithStatus } from './line.ts'
import { notBuiltController } from './not-built.ts'
import { notBuiltKinds } from './table.ts'

/** Kinds of ours that some controller, agent or the server itself carries out. */
const built = new Set([
  'auth.thresher.io/Token',
  'auth.thresher.io/User',
  'backup.thresher.io/BackupJob',
  'harvesterhci.io/ScheduleVMBackup',
  'harvesterhci.io/Setting',
  'harvesterhci.io/VirtualMachineImage',
  'harvesterhci.io/VirtualMachineBackup',
  'harvesterhci.io/VirtualMachineRestore',
  'harvesterhci.io/VirtualMachineTemplate',
  'harvesterhci.io/VirtualMachineTemplateVersion',
  'kubevirt.io/VirtualMachine',
  'kubevirt.io/VirtualMachineInstance',
  'snapshot.storage.k8s.io/VolumeSnapshot',
  'snapshot.storage.k8s.io/VolumeSnapshotContent',
])

/** Kinds of ours that need no controller, and why. */
const needsNone: Record<string, string> = {
  'harvesterhci.io/KeyPair': 'its status follows from the key as it is written',
  'harvesterhci.io/Preference': 'read by pages alone',
  'harvesterhci.io/Version': 'read by who asks for an Upgrade, which says itself what is missing',
  'kubevirt.io/KubeVirt': 'one is made with the cluster and only read',
  'snapshot.storage.k8s.io/VolumeSnapshotClass': 'read for a VolumeSnapshot, which says itself what is missing',
  'k8s.cni.cncf.io/NetworkAttachmentDefinition':
    'read for a machine, which says itself that it cannot be on that network',
  'network.harvesterhci.io/VlanStatus': 'only hosts write it',
  'devices.harvesterhci.io/Node': 'only hosts write it',
  'devices.harvesterhci.io/PCIDevice': 'only hosts write it',
  'devices.harvesterhci.io/SRIOVGPUDevice': 'only hosts write it',
  'devices.harvesterhci.io/SRIOVNetworkDevice': 'only hosts write it',
  'devices.harvesterhci.io/USBDevice': 'only hosts write it',
  'devices.harvesterhci.io/VGPUDevice': 'only hosts write it',
}

const idOf = ({ group, kind }: Pick<Kind, 'group' | 'kind'>) => `${group}/${kind}`

/** Whether a kind comes with Kubernetes itself; those of its CRDs, such as snapshots, do not. */
function isKubernetes({ group }: Kind): boolean {
  return !group.includes('.') || (group.endsWith('.k8s.io') && group !== 'snapshot.storage.k8s.io')
}

test('each kind of ours has a controller, needs none, or says in its objects that it is not built', () => {
  const said = new Set(notBuiltKinds.map(({ kind }) => idOf(kind)))
  for (const kind of kinds.filter((each) => !isKubernetes(each))) {
    const id = idOf(kind)
    expect(Number(built.has(id)) + Number(id in needsNone) + Number(said.has(id)), id).toBe(1)
  }
})

const machine = { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'web' }
const ofSpec = (spec: unknown) => ({ spec })

/** The least object of each kind that asks for what is not built. */
const samples: Record<string, object> = {
  VirtualMachineBackup: ofSpec({ source: machine }),
  VirtualMachineRestore: ofSpec({
    target: machine,
    virtualMachineBackupName: 'b',
    virtualMachineBackupNamespace: 'default',
  }),
  VolumeSnapshot: ofSpec({ source: { persistentVolumeClaimName: 'root' } }),
  VolumeSnapshotContent: ofSpec({
    driver: 'd',
    deletionPolicy: 'Delete',
    source: { volumeHandle: 'h' },
    volumeSnapshotRef: { name: 's', namespace: 'default' },
  }),
  VolumeRemoteBackup: ofSpec({ type: 'lh', source: 'root' }),
  VolumeRemoteRestore: ofSpec({ type: 'lh', from: 'root' }),
  VirtualMachineInstanceMigration: ofSpec({ vmiName: 'web' }),
  VirtualMachineImageDownloader: ofSpec({ imageName: 'image' }),
  Addon: ofSpec({ repo: 'r', chart: 'c', version: '1', enabled: true, valuesContent: '' }),
  SupportBundle: ofSpec({ description: 'd' }),
  Upgrade: ofSpec({ version: 'v2' }),
  UpgradeLog: ofSpec({ upgradeName: 'u' }),
  LoadBalancer: ofSpec({ listeners: [] }),
  IPPool: ofSpec({ ranges: [{ subnet: '192.0.2.0/24' }] }),
  VlanConfig: ofSpec({ clusterNetwork: 'cn', uplink: { nics: ['eth1'] } }),
  HostNetworkConfig: ofSpec({ clusterNetwork: 'cn', vlanID: 7, mode: 'dhcp' }),
  LinkMonitor: ofSpec({ targetLinkRule: {} }),
  BlockDevice: ofSpec({
    nodeName: 'n',
    devPath: '/dev/sdb',
    fileSystem: { mountPoint: '' },
    provision: true,
  }),
  LVMVolumeGroup: ofSpec({ nodeName: 'n', vgName: 'g', desiredState: 'Enabled' }),
  NetworkFilesystem: ofSpec({ networkFSName: 'f', desiredState: 'Enabled' }),
  MigConfiguration: ofSpec({ enabled: true }),
}

describe('an object of a kind that is not built', () => {
  let server: TestServer
  let idle: () => Promise<void>
  const stop = new AbortController()

  beforeAll(async () => {
    server = await startTestServer({ kinds })
    const running = await runControllers([notBuiltController], {
      transport: server.transport(),
      signal: stop.signal,
      component: 'test',
    })
    idle = running.idle
  })

  afterAll(async () => {
    stop.abort()
    await server.close()
  })

  async function settled(line: Line, name: string): Promise<WithStatus> {
    const objects = new Client(server.transport()).resource(line.kind)
    await expect
      .poll(async () => {
        await idle()
        const object: WithStatus = await objects.get(name, line.kind.namespaced ? 'default' : undefined)
        return JSON.stringify(object.status ?? {})
      })
      .toContain(line.message)
    return objects.get(name, line.kind.namespaced ? 'default' : undefined)
  }

  test.each(notBuiltKinds.map((line) => [line.kind.kind, line] as const))(
    '%s says so in its status, once, and can be deleted',
    async (name, line) => {
      const objects = new Client(server.transport()).resource(line.kind)
      const namespace = line.kind.namespaced ? 'default' : undefined
      // A namespace's quota has one name.
      const sample = name === 'ResourceQuota' ? 'default-resource-quota' : 'sample'
      await objects.create({ metadata: { name: sample, namespace }, ...samples[name] } as KubeObject)
      const object = await settled(line, sample)
      if (line.condition)
        expect(object.status?.conditions).toContainEqual(
          expect.objectContaining({
            type: line.condition,
            status: line.conditionStatus ?? 'False',
            reason: 'NotBuilt',
            message: line.message,
          }),
        )
      if (line.error) expect(object.status?.error?.message).toBe(line.message)
      expect(nextStatus(line, object, new Date(Date.now() + 60_000)), 'nothing more to write').toBeUndefined()
      expect(line.message).toMatch(/in this version[;,] .*[^.]$/)
      await objects.delete(sample, namespace)
      await expect(objects.get(sample, namespace)).rejects.toMatchObject({ code: 404 })
    },
  )

  test('an add-on that is switched off again says nothing any more', () => {
    const line = notBuiltKinds.find(({ kind }) => kind.kind === 'Addon')!
    const addon = { metadata: { name: 'a' }, ...samples.Addon } as WithStatus & { spec: { enabled: boolean } }
    const refused = nextStatus(line, addon, new Date())
    expect(refused?.conditions).toHaveLength(1)
    const off = { ...addon, spec: { ...addon.spec, enabled: false } }
    expect(nextStatus(line, { ...off, status: refused }, new Date())?.conditions).toEqual([])
    expect(nextStatus(line, off, new Date())).toBeUndefined()
  })
})
