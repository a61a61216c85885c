import { BackupJob } from '@thresher/api/backup/backup-job'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { ScheduleVMBackup } from '@thresher/api/harvester/schedule-vm-backup'
import { Setting } from '@thresher/api/harvester/setting'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { parseClaimTemplates } from '@thresher/api/kubevirt/claim-templates'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { startLocalS3, type LocalS3 } from '@thresher/backup/objects/s3-testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onDisk, reached, startStorageCluster, type StorageCluster } from './storage-cluster.ts'

let cluster: StorageCluster
let s3: LocalS3

beforeAll(async () => {
  s3 = await startLocalS3()
  cluster = await startStorageCluster()
  await cluster.client.resource(VirtualMachine).create(machine())
  await until(PersistentVolumeClaim, 'web-root', (one) => one !== undefined)
  await place('web-root')
  await onDisk(cluster, 'web-root', 'write -P 0x11 0 3M', 'write -P 0x12 20M 1M')
}, 60_000)

afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await s3[Symbol.asyncDispose]()
})

/** A machine of one volume that is off. */
function machine(): VirtualMachine {
  const template = {
    metadata: { name: 'web-root' },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '64Mi' } } },
  }
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      annotations: { 'harvesterhci.io/volumeClaimTemplates': JSON.stringify([template]) },
    },
    spec: {
      runStrategy: 'Halted',
      template: {
        spec: {
          domain: {
            memory: { guest: '64Mi' },
            devices: { disks: [{ name: 'root', disk: { bus: 'virtio' } }], interfaces: [] },
          },
          networks: [],
          volumes: [{ name: 'root', persistentVolumeClaim: { claimName: 'web-root' } }],
        },
      },
    },
  }
}

const until = <O extends KubeObject>(kind: TypedKind<O>, name: string, is: (object: O | undefined) => boolean) =>
  reached(cluster, kind, name, is)

async function place(claim: string): Promise<void> {
  await cluster.client.resource(PersistentVolumeClaim).patch(claim, 'default', {
    metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'here' } },
  })
  await until(PersistentVolumeClaim, claim, (one) => one?.status?.phase === 'Bound')
}

async function setTarget(change: object = {}): Promise<void> {
  const { endpoint, accessKeyId, secretAccessKey, bucket, region } = s3.settings
  const target = { type: 's3', endpoint, accessKeyId, secretAccessKey, bucketName: bucket, bucketRegion: region }
  const value = JSON.stringify({ ...target, ...change })
  const settings = cluster.client.resource<Setting>(Setting)
  const found = await settings.get('backup-target').catch(() => undefined)
  if (found) await settings.update({ ...found, value })
  else await settings.create({ metadata: { name: 'backup-target' }, value } as Setting)
}

const backUp = (name: string): Promise<VirtualMachineBackup> =>
  cluster.client.resource(VirtualMachineBackup).create({
    metadata: { name, namespace: 'default' },
    spec: { type: 'backup', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'web' } },
  })
const ready = (name: string) => until(VirtualMachineBackup, name, (one) => one?.status?.readyToUse === true)

/** Restore a backup as a new machine. @returns its claim */
async function restore(backup: string, target: string): Promise<string> {
  await cluster.client.resource(VirtualMachineRestore).create({
    metadata: { name: target, namespace: 'default' },
    spec: {
      target: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: target },
      virtualMachineBackupNamespace: 'default',
      virtualMachineBackupName: backup,
      newVM: true,
      haltAfterRestore: true,
    },
  })
  const made = await until(VirtualMachine, target, (one) => one !== undefined)
  const [template] = parseClaimTemplates(made.metadata)
  const name = template?.metadata.name ?? ''
  await until(PersistentVolumeClaim, name, (one) => one !== undefined)
  await place(name)
  await until(VirtualMachineRestore, target, (one) => one?.status?.complete === true)
  return name
}

/** What is damaged of a backup at the target. */
async function verify(manifest: string): Promise<string[]> {
  const jobs = cluster.client.resource<BackupJob>(BackupJob)
  const name = `verify-${Math.floor(performance.now())}`
  await jobs.create({
    apiVersion: 'backup.thresher.io/v1',
    kind: 'BackupJob',
    metadata: { name, labels: { 'thresher.io/node': 'here' } },
    spec: { node: 'here', action: 'verify', manifest },
  })
  const { status } = await until(BackupJob, name, (one) => one?.status?.done === true)
  await jobs.delete(name)
  return status?.damages ?? []
}

async function keysAtTarget(prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of s3.bucket('thresher').list(prefix)) keys.push(key)
  return keys
}

describe('backups of machines at a target', () => {
  it('are refused while none is set', async () => {
    await expect(backUp('early')).rejects.toThrow('backup target is not set')
  })

  it('are brought there, and the next ones bring only what changed', async () => {
    await setTarget()
    await backUp('b1')
    const first = await ready('b1')
    expect(first.status).toMatchObject({
      progress: 100,
      backupTarget: { bucketName: 'backups', bucketRegion: 'us-east-1' },
      volumeBackups: [{ volumeName: 'root', readyToUse: true, progress: 100 }],
    })
    const before = (await keysAtTarget('blocks/')).length
    await onDisk(cluster, 'web-root', 'write -P 0x21 1M 64k', 'write -z 20M 1M')
    await backUp('b2')
    await ready('b2')
    // The changed block of the disk, and a segment of its index.
    expect((await keysAtTarget('blocks/')).length - before).toBe(2)
    // Only the last one's snapshot is kept, for the next.
    await until(VolumeSnapshot, 'b1-volume-web-root', (one) => one === undefined)
    expect(await cluster.client.resource(VolumeSnapshot).get('b2-volume-web-root', 'default')).toBeDefined()
    await until(BackupJob, `upload-${(await ready('b2')).metadata.uid}`, (one) => one === undefined)
    expect((await cluster.client.resource<BackupJob>(BackupJob).list()).items).toEqual([])
  }, 60_000)

  it('leave no work behind, also where a server ended before it was taken away', async () => {
    const name = `upload-${(await ready('b2')).metadata.uid}`
    await cluster.client.resource<BackupJob>(BackupJob).create({
      apiVersion: 'backup.thresher.io/v1',
      kind: 'BackupJob',
      metadata: { name },
      spec: { node: 'here', action: 'upload' },
    })
    await until(BackupJob, name, (one) => one === undefined)
    expect(await cluster.client.resource(VolumeSnapshot).get('b2-volume-web-root', 'default')).toBeDefined()
  })

  it('become machines again, each as it was', async () => {
    await onDisk(cluster, await restore('b1', 'old'), 'read -P 0x11 0 3M', 'read -P 0 3M 17M', 'read -P 0x12 20M 1M')
    await onDisk(cluster, await restore('b2', 'new'), 'read -P 0x11 0 1M', 'read -P 0x21 1M 64k', 'read -P 0 3M 61M')
  }, 60_000)

  it('are read back, and what is damaged at the target is named', async () => {
    const manifest = (await ready('b2')).status!.volumeBackups![0]!.longhornBackupName!
    expect(await verify(manifest)).toEqual([])
    const bucket = s3.bucket('thresher')
    const flip = async (): Promise<void> => {
      for (const key of await keysAtTarget('blocks/')) {
        const body = (await bucket.get(key))!
        body[body.length >>> 1]! ^= 1
        await bucket.put(key, body)
      }
    }
    await flip()
    const damages = await verify(manifest)
    expect(damages.join()).toMatch(/the disk root.* is damaged/)
    await flip()
    expect(await verify(manifest)).toEqual([])
  }, 60_000)

  it('are not given to another namespace, whatever a claim says', async () => {
    const { status } = await ready('b2')
    const from = `${status!.volumeBackups![0]!.longhornBackupName}/root`
    await cluster.client.resource(PersistentVolumeClaim).create({
      metadata: {
        name: 'stolen',
        namespace: 'kube-public',
        annotations: {
          'backup.thresher.io/restore-from': from,
          'volume.kubernetes.io/selected-node': 'here',
        },
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        volumeMode: 'Block',
        storageClassName: 'local',
        resources: { requests: { storage: '64Mi' } },
      },
    } as PersistentVolumeClaim)
    for (const end = Date.now() + 60_000; ;) {
      const claim = await cluster.client.resource(PersistentVolumeClaim).get('stolen', 'kube-public')
      const refusal = claim.status?.conditions?.find(({ type }) => type === 'Provisioned')
      expect(claim.spec.volumeName).toBeUndefined()
      if (refusal?.message?.includes('is not of a machine of the namespace kube-public')) break
      if (Date.now() > end) throw new Error(JSON.stringify(claim.status))
      await new Promise((done) => setTimeout(done, 20))
    }
  })

  it('of another machine are neither built on nor deleted, whatever a status names', async () => {
    const theirs = (await ready('b2')).status!.volumeBackups![0]!.longhornBackupName!
    await cluster.client.resource(VirtualMachine).create({
      metadata: { name: 'mine', namespace: 'kube-public' },
      spec: {
        runStrategy: 'Halted',
        template: { spec: { domain: { memory: { guest: '64Mi' }, devices: { interfaces: [] } }, networks: [] } },
      },
    })
    const backups = cluster.client.resource(VirtualMachineBackup)
    const status = { readyToUse: true, source: {}, volumeBackups: [{ volumeName: 'root', longhornBackupName: theirs }] }
    await backups.create({
      metadata: { name: 'forged', namespace: 'kube-public', finalizers: ['backup.thresher.io/target'] },
      spec: { type: 'backup', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'mine' } },
    })
    await backups.patch('forged', 'kube-public', { status }, 'merge', { subresource: 'status' })
    await backups.delete('forged', 'kube-public')
    const bucket = s3.bucket('thresher')
    for (const end = Date.now() + 60_000; ; await new Promise((done) => setTimeout(done, 20))) {
      if (!(await backups.get('forged', 'kube-public').catch(() => undefined))) break
      if (Date.now() > end) throw new Error(cluster.warnings.join('\n'))
    }
    expect(await bucket.get(`manifests/${theirs}`)).toBeDefined()
  }, 90_000)

  it('say what is wrong with the target, and go on when it is mended', async () => {
    await setTarget({ bucketName: 'other' })
    await backUp('b3')
    await until(VirtualMachineBackup, 'b3', (one) => one?.status?.error?.message?.includes('no such bucket') === true)
    expect((await cluster.client.resource(VirtualMachineBackup).get('b3', 'default')).status?.readyToUse).toBe(false)
    await setTarget()
    await cluster.client.resource(VirtualMachineBackup).delete('b3', 'default')
    await until(VirtualMachineBackup, 'b3', (one) => one === undefined)
  }, 60_000)

  it('are made by schedules, one for a machine', async () => {
    const schedules = cluster.client.resource<ScheduleVMBackup>(ScheduleVMBackup)
    const schedule = (name: string, cron = '0 2 * * *') =>
      schedules.create({
        metadata: { name, namespace: 'default' },
        spec: {
          cron,
          retain: 5,
          vmbackup: { type: 'backup', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'web' } },
        },
      } as ScheduleVMBackup)
    await schedule('nightly')
    await expect(schedule('again')).rejects.toThrow('VM default/web already has backup schedule')
    await until(ScheduleVMBackup, 'nightly', (one) => one?.status?.failure === 0)
    await schedules.delete('nightly', 'default')
  })

  it('are deleted there with their object', async () => {
    expect(await keysAtTarget('manifests/')).toHaveLength(2)
    await cluster.client.resource(VirtualMachineBackup).delete('b1', 'default')
    await until(VirtualMachineBackup, 'b1', (one) => one === undefined)
    expect(await keysAtTarget('manifests/')).toHaveLength(1)
  })

  it('outlive their machine', async () => {
    await cluster.client.resource(VirtualMachine).delete('web', 'default')
    await until(VirtualMachine, 'web', (one) => one === undefined)
    await onDisk(cluster, await restore('b2', 'again'), 'read -P 0x21 1M 64k')
  }, 60_000)
})
