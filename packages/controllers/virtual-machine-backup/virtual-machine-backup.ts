import { BackupJob } from '@thresher/api/backup/backup-job'
import { Namespace } from '@thresher/api/core/namespace'
import { isReady, Node } from '@thresher/api/core/node'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import { Setting } from '@thresher/api/harvester/setting'
import { effectiveJson } from '@thresher/api/harvester/settings/value'
import { manifestOf, VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Condition } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { backupKeyField, backupKeySecret, systemNamespace } from '@thresher/api/names'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { RepositoryKey } from '@thresher/backup/format/repository-key'
import { formatTime, setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context, type Result } from '@thresher/client/controller'
import { controllerKey } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { deletionJob, followUpload, backupUidOf, jobNameOf, uploadJob, type UploadWorld } from './upload-plan.ts'
import { captureMachine, followSnapshots, machineSnapshots, type MachineLookup } from './capture.ts'

type Status = NonNullable<VirtualMachineBackup['status']>

const waitForNodeMs = 30_000
const driverSetting = 'csi-driver-config'
const targetSetting = 'backup-target'
/** Holds a backup until it is gone at the target. */
const targetFinalizer = 'backup.thresher.io/target'

/** Takes machines as they are: their declaration, their secrets, and all their volumes at one instant. */
export const virtualMachineBackupController = defineController({
  name: 'virtual-machine-backup',
  subject: subjectIs(VirtualMachineBackup),
  watches: [
    watch(VirtualMachineBackup, undefined, {
      machine: ({ metadata, spec }) => [`${metadata.namespace}/${spec.source.name}`],
      uid: ({ metadata }) => [metadata.uid ?? ''],
    }),
    watch(VolumeSnapshot, (snapshot) => controllerKey(snapshot, VirtualMachineBackup)),
    watch(VirtualMachine, (machine, context) =>
      context.objects(VirtualMachineBackup).byIndex('machine', keyOf(machine)).filter(isWaiting).map(keyOf),
    ),
    watch(PersistentVolumeClaim, (claim, context) =>
      context.objects(VirtualMachineBackup).list(claim.metadata.namespace).filter(isWaiting).map(keyOf),
    ),
    watch(PersistentVolume, () => []),
    watch(Setting, (setting, context) =>
      setting.metadata.name === targetSetting
        ? context.objects(VirtualMachineBackup).list().filter(isWaiting).map(keyOf)
        : [],
    ),
    watch(BackupJob, ({ metadata }, context) =>
      context
        .objects(VirtualMachineBackup)
        .byIndex('uid', backupUidOf(metadata.name ?? ''))
        .map(keyOf),
    ),
    watch(VolumeSnapshotContent, () => []),
    watch(Namespace, () => []),
    watch(Node, () => []),
  ],
  async reconcile(key, context) {
    const backup = context.objects(VirtualMachineBackup).get(key)
    if (!backup) return
    if (backup.metadata.deletionTimestamp) return deleteAtTarget(backup, context)
    if (backup.status?.readyToUse) return tidy(backup, context)
    if (!backup.status?.source) return capture(backup, context)
    const snapshots = context.objects(VolumeSnapshot)
    for (const snapshot of machineSnapshots(backup, lookupOf(backup, context), classOf(context)))
      await snapshots.ensure(snapshot)
    const { namespace } = backup.metadata
    const taken = followSnapshots(backup, (name) => snapshots.get(`${namespace}/${name}`))
    if (backup.spec.type === 'snapshot' || !taken.readyToUse) return show(backup, taken, context)
    return upload(backup, taken, context)
  },
})

/** Bring what was taken to the target. */
async function upload(backup: VirtualMachineBackup, taken: Status, context: Context): Promise<void> {
  const jobs = context.objects(BackupJob)
  let job = jobs.get(jobNameOf(backup, 'upload'))
  if (!job) {
    const planned = uploadJob(uploadWorld({ ...backup, status: taken }, context))
    if (typeof planned === 'string') return refuse(backup, planned, context)
    await ensureKey(context)
    job = await jobs.ensure(planned)
  }
  const held = await withFinalizer(backup, context)
  await show(held, followUpload(taken, job, formatTime(context.now())), context)
}

/** What a finished backup needs no more: its work, and of the machine's snapshots all but the newest, on which the next builds. */
async function tidy(backup: VirtualMachineBackup, context: Context): Promise<void> {
  if (backup.spec.type !== 'backup') return
  const jobs = context.objects(BackupJob)
  const job = jobs.get(jobNameOf(backup, 'upload'))
  if (job) await jobs.delete(job)
  const snapshots = context.objects(VolumeSnapshot)
  const [, ...older] = finishedBackups(backup, context)
  for (const { metadata, status } of older)
    for (const { name } of status?.volumeBackups ?? []) {
      const snapshot = snapshots.get(`${metadata.namespace}/${name}`)
      if (snapshot && !snapshot.metadata.deletionTimestamp) await snapshots.delete(snapshot)
    }
}

/** Finished backups of the same machine at the target: those of which snapshots are left first, the newest of them first. */
function finishedBackups(backup: VirtualMachineBackup, context: Context): VirtualMachineBackup[] {
  return context
    .objects(VirtualMachineBackup)
    .byIndex('machine', `${backup.metadata.namespace}/${backup.spec.source.name}`)
    .filter(({ spec }) => spec.type === 'backup')
    .filter(
      ({ metadata, status }) =>
        !metadata.deletionTimestamp && status?.readyToUse && status.sourceUID === backup.status?.sourceUID,
    )
    .toSorted((a, b) => takenAt(b, context) - takenAt(a, context))
}

/** When the snapshots were taken that are left of a backup; a backup's own time is of a second. */
function takenAt(backup: VirtualMachineBackup, context: Context): number {
  const volumes = backup.status?.volumeBackups ?? []
  return Math.max(0, ...volumes.map(({ name = '' }) => contentOf(backup, name, context)?.status?.creationTime ?? 0))
}

function contentOf(
  { metadata }: VirtualMachineBackup,
  name: string,
  context: Context,
): VolumeSnapshotContent | undefined {
  const snapshot = context.objects(VolumeSnapshot).get(`${metadata.namespace}/${name}`)
  return context.objects(VolumeSnapshotContent).get(snapshot?.status?.boundVolumeSnapshotContentName ?? '')
}

function uploadWorld(backup: VirtualMachineBackup, context: Context): UploadWorld {
  return {
    backup,
    cluster: clusterOf(context),
    content: (name) => contentOf(backup, name, context),
    earlier: finishedBackups(backup, context),
    contentOf: (one, name) => contentOf(one, name, context),
  }
}

/** What tells this cluster from others at the target. */
function clusterOf(context: Context): { uid: string; name: string } {
  return { uid: context.objects(Namespace).get('kube-system')?.metadata.uid ?? '', name: 'local' }
}

/** The key that all backups of the cluster are encrypted with. */
async function ensureKey({ client }: Context): Promise<void> {
  const secrets = client.resource<Secret>(Secret)
  try {
    await secrets.get(backupKeySecret, systemNamespace)
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    const key = Buffer.from(RepositoryKey.generate().text()).toString('base64')
    const metadata = { name: backupKeySecret, namespace: systemNamespace }
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data: { [backupKeyField]: key } }
    await secrets.create(secret).catch((failed: unknown) => {
      if (!isReason(failed, 'AlreadyExists')) throw failed
    })
  }
}

/** A backup at the target goes there as well; until a host can do that, it stays. */
async function deleteAtTarget(backup: VirtualMachineBackup, context: Context): Promise<Result | void> {
  if (!backup.metadata.finalizers?.includes(targetFinalizer)) return
  const jobs = context.objects(BackupJob)
  const uploading = jobs.get(jobNameOf(backup, 'upload'))
  const manifest = manifestOf(backup) ?? uploading?.status?.manifest
  const node = uploading?.spec.node ?? readyNode(context)
  if (uploading && !uploading.metadata.deletionTimestamp) await jobs.delete(uploading)
  if (manifest) {
    if (!node) return { afterMs: waitForNodeMs }
    const job = await jobs.ensure(deletionJob(backup, clusterOf(context), manifest, node))
    if (!job.status?.done) return
    await jobs.delete(job)
  }
  await context.objects(VirtualMachineBackup).removeFinalizer(backup, targetFinalizer)
}

/** Any node can: the target is everybody's. */
function readyNode(context: Context): string | undefined {
  return context.objects(Node).list().find(isReady)?.metadata.name
}

async function withFinalizer(backup: VirtualMachineBackup, context: Context): Promise<VirtualMachineBackup> {
  const { finalizers = [] } = backup.metadata
  if (finalizers.includes(targetFinalizer)) return backup
  const metadata = { ...backup.metadata, finalizers: [...finalizers, targetFinalizer] }
  return context.objects(VirtualMachineBackup).update({ ...backup, metadata })
}

function isWaiting({ status }: VirtualMachineBackup): boolean {
  return !status?.source
}

function lookupOf({ metadata }: VirtualMachineBackup, context: Context): MachineLookup {
  return {
    claim: (name) => context.objects(PersistentVolumeClaim).get(`${metadata.namespace}/${name}`),
    volume: (name) => context.objects(PersistentVolume).get(name),
  }
}

/** The snapshot class that a setting names for a driver. */
function classOf(context: Context): (driver: string) => string | undefined {
  const drivers = effectiveJson(driverSetting, context.objects(Setting).get(driverSetting))
  return (driver) => {
    const { volumeSnapshotClassName } = (drivers[driver] ?? {}) as { volumeSnapshotClassName?: string }
    return volumeSnapshotClassName
  }
}

/** Write down what the machine is, before anything of it is taken. */
async function capture(backup: VirtualMachineBackup, context: Context): Promise<void> {
  const { namespace } = backup.metadata
  if (backup.spec.type === 'backup' && !effectiveJson(targetSetting, context.objects(Setting).get(targetSetting)).type)
    return refuse(backup, 'backup target is not set; set backup-target to an S3 bucket or an NFS export', context)
  const machine = context.objects(VirtualMachine).get(`${namespace}/${backup.spec.source.name}`)
  if (!machine || machine.metadata.deletionTimestamp)
    return refuse(backup, `the virtual machine ${backup.spec.source.name} does not exist; name another`, context)
  let status: Status
  try {
    status = captureMachine(backup.metadata.name ?? '', machine, lookupOf(backup, context))
  } catch (error) {
    return refuse(backup, (error as Error).message, context)
  }
  await keepSecrets(backup, status, context)
  const drivers = new Set(status.volumeBackups?.flatMap(({ csiDriverName }) => csiDriverName ?? []))
  const find = classOf(context)
  const classes = [...drivers].flatMap((driver) => (find(driver) ? [[driver, find(driver)]] : []))
  await show(
    await owned(backup, machine, context),
    { ...status, csiDriverVolumeSnapshotClassNames: Object.fromEntries(classes) },
    context,
  )
}

/** A snapshot goes with its machine. */
async function owned(
  backup: VirtualMachineBackup,
  machine: VirtualMachine,
  context: Context,
): Promise<VirtualMachineBackup> {
  // What is at the target outlives its machine: that is what it is for.
  if (backup.spec.type === 'backup') return backup
  const { ownerReferences = [] } = backup.metadata
  const { name = '', uid = '' } = machine.metadata
  if (ownerReferences.some((owner) => owner.uid === uid)) return backup
  const owner = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name, uid }
  return context
    .objects(VirtualMachineBackup)
    .update({ ...backup, metadata: { ...backup.metadata, ownerReferences: [...ownerReferences, owner] } })
}

/** The name of the copy that a backup keeps of a machine's Secret. */
export function secretCopyName(backup: string, secret: string): string {
  return `${backup}-secret-${secret}`
}

/** Copies of the machine's Secrets, as Secrets: what a backup's own status says, many may read. */
async function keepSecrets(
  backup: VirtualMachineBackup,
  { secretBackups = [] }: Status,
  context: Context,
): Promise<void> {
  const { namespace, name = '', uid = '' } = backup.metadata
  const secrets = context.client.resource<Secret>(Secret)
  for (const { name: secretName = '' } of secretBackups) {
    try {
      const { type, data } = await secrets.get(secretName, namespace)
      const owner = { apiVersion: backup.apiVersion ?? '', kind: backup.kind ?? '', name, uid, controller: true }
      await secrets.create({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: secretCopyName(name, secretName), namespace, ownerReferences: [owner] },
        type,
        data,
      })
    } catch (error) {
      // One that is gone, the machine does without as well.
      if (!isReason(error, 'NotFound', 'AlreadyExists')) throw error
    }
  }
}

async function refuse(backup: VirtualMachineBackup, message: string, context: Context): Promise<void> {
  if (backup.status?.error?.message === message) return
  const status = { ...backup.status, readyToUse: false, error: { message, time: formatTime(context.now()) } }
  await show(backup, status, context)
}

async function show(backup: VirtualMachineBackup, status: Status, context: Context): Promise<void> {
  const message = status.error?.message
  const ready = status.readyToUse === true
  const before = backup.status?.conditions as Condition[] | undefined
  const now = context.now()
  const progressing = setCondition(before, { type: 'InProgress', status: ready || message ? 'False' : 'True' }, now)
  const conditions = setCondition(
    progressing,
    { type: 'Ready', status: ready ? 'True' : 'False', ...(message ? { reason: 'Failed', message } : {}) },
    now,
  ) as Status['conditions']
  const next = { ...status, conditions }
  if (same(next, backup.status)) return
  await context.objects(VirtualMachineBackup).updateStatus({ ...backup, status: next })
  if (message && message !== backup.status?.error?.message)
    context.events.record({ object: backup, type: 'Warning', reason: `${kindOf(backup)}Failed`, message })
  if (ready)
    context.events.record({
      object: backup,
      reason: `${kindOf(backup)}Ready`,
      message:
        backup.spec.type === 'backup'
          ? 'all volumes of the machine are at the backup target'
          : 'all volumes of the machine were taken',
    })
}

const kindOf = ({ spec }: VirtualMachineBackup): string => (spec.type === 'backup' ? 'Backup' : 'Snapshot')
