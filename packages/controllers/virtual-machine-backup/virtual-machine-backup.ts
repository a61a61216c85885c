import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import { Setting } from '@thresher/api/harvester/setting'
import { effectiveJson } from '@thresher/api/harvester/settings/value'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Condition } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { formatTime, setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { controllerKey } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { captureMachine, followSnapshots, machineSnapshots, type MachineLookup } from './capture.ts'

type Status = NonNullable<VirtualMachineBackup['status']>

const driverSetting = 'csi-driver-config'

/** Takes machines as they are: their declaration, their secrets, and all their volumes at one instant. */
export const virtualMachineBackupController = defineController({
  name: 'virtual-machine-backup',
  subject: subjectIs(VirtualMachineBackup),
  watches: [
    watch(VirtualMachineBackup, undefined, {
      machine: ({ metadata, spec }) => [`${metadata.namespace}/${spec.source.name}`],
    }),
    watch(VolumeSnapshot, (snapshot) => controllerKey(snapshot, VirtualMachineBackup)),
    watch(VirtualMachine, (machine, context) =>
      context.objects(VirtualMachineBackup).byIndex('machine', keyOf(machine)).filter(isWaiting).map(keyOf),
    ),
    watch(PersistentVolumeClaim, (claim, context) =>
      context.objects(VirtualMachineBackup).list(claim.metadata.namespace).filter(isWaiting).map(keyOf),
    ),
    watch(PersistentVolume, () => []),
    watch(Setting, () => []),
  ],
  async reconcile(key, context) {
    const backup = context.objects(VirtualMachineBackup).get(key)
    if (!backup || backup.metadata.deletionTimestamp || backup.spec.type !== 'snapshot') return
    if (backup.status?.readyToUse) return
    if (!backup.status?.source) return capture(backup, context)
    const snapshots = context.objects(VolumeSnapshot)
    for (const snapshot of machineSnapshots(backup, lookupOf(backup, context), classOf(context)))
      await snapshots.ensure(snapshot)
    const { namespace } = backup.metadata
    await show(
      backup,
      followSnapshots(backup, (name) => snapshots.get(`${namespace}/${name}`)),
      context,
    )
  },
})

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
    context.events.record({ object: backup, type: 'Warning', reason: 'SnapshotFailed', message })
  if (ready)
    context.events.record({ object: backup, reason: 'SnapshotReady', message: 'all volumes of the machine were taken' })
}
