import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Condition } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { formatTime, setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { claimNames } from '../virtual-machine/claims.ts'
import { secretCopyName } from '../virtual-machine-backup/virtual-machine-backup.ts'
import {
  claimNameOf,
  restoreAnnotation,
  restoredClaims,
  restoredMachine,
  runStrategyAfter,
} from './restored-machine.ts'

type Status = NonNullable<VirtualMachineRestore['status']>

/** Makes a machine from a backup, or takes one back to it: its declaration at once, then its volumes, and at last it is started. */
export const virtualMachineRestoreController = defineController({
  name: 'virtual-machine-restore',
  subject: subjectIs(VirtualMachineRestore),
  watches: [
    watch(VirtualMachineRestore, undefined, {
      machine: ({ metadata, spec }) => [`${metadata.namespace}/${spec.target.name}`],
    }),
    watch(VirtualMachineBackup, (backup, context) =>
      context
        .objects(VirtualMachineRestore)
        .list()
        .filter((restore) => backupKeyOf(restore) === keyOf(backup) && !restore.status?.complete)
        .map(keyOf),
    ),
    watch(VirtualMachine, (machine, context) =>
      context.objects(VirtualMachineRestore).byIndex('machine', keyOf(machine)).map(keyOf),
    ),
    watch(PersistentVolumeClaim, ({ metadata }) => {
      const name = metadata.annotations?.[restoreAnnotation]
      return name ? [`${metadata.namespace}/${name}`] : []
    }),
  ],
  async reconcile(key, context) {
    const restore = context.objects(VirtualMachineRestore).get(key)
    if (!restore || restore.metadata.deletionTimestamp || restore.status?.complete) return
    const backup = context.objects(VirtualMachineBackup).get(backupKeyOf(restore))
    if (!backup || backup.metadata.deletionTimestamp)
      return show(restore, { ...restore.status }, context, `vmbackup ${backupKeyOf(restore)} is deleted`)
    if (!backup.status?.readyToUse)
      return show(restore, { ...restore.status }, context, `VMBackup ${backupKeyOf(restore)} is not ready`)
    // What is to be made is written down before any of it is.
    if (!restore.status?.restores)
      return show(restore, { ...restore.status, complete: false, restores: restoredClaims(restore, backup) }, context)
    const machine = await ensureMachine(restore, backup, context)
    if (typeof machine === 'string') return show(restore, { ...restore.status }, context, machine)
    await follow(restore, backup, machine, context)
  },
})

function backupKeyOf({ spec }: VirtualMachineRestore): string {
  return `${spec.virtualMachineBackupNamespace}/${spec.virtualMachineBackupName}`
}

/** The machine as it was taken, still off; else why it cannot be, as a sentence. */
async function ensureMachine(
  restore: VirtualMachineRestore,
  backup: VirtualMachineBackup,
  context: Context,
): Promise<VirtualMachine | string> {
  const machines = context.objects(VirtualMachine)
  const { namespace } = restore.metadata
  const found = machines.get(`${namespace}/${restore.spec.target.name}`)
  if (found && isRestoredBy(found, restore)) return found
  const secrets = await restoreSecrets(restore, backup, context)
  const wanted = restoredMachine(restore, backup, secrets)
  if (restore.spec.newVM) {
    if (found) return `VM ${found.metadata.name} is already exists; restore to another name`
    return machines.create(wanted)
  }
  if (!found) return `can't replace nonexistent vm ${restore.spec.target.name}; restore to a new machine`
  if (found.status?.printableStatus !== 'Stopped')
    return `Please stop the VM ${JSON.stringify(found.metadata.name)} before doing a restore`
  const annotations = { ...found.metadata.annotations, ...wanted.metadata.annotations }
  return machines.update({ ...found, metadata: { ...found.metadata, annotations }, spec: wanted.spec })
}

/** Whether a machine is what this restore made of it, and not another restore of the name. */
function isRestoredBy({ metadata, spec }: VirtualMachine, restore: VirtualMachineRestore): boolean {
  const claims = claimNames(spec.template.spec)
  return (
    metadata.annotations?.[restoreAnnotation] === restore.metadata.name &&
    (restore.status?.restores ?? []).every((one) => claims.includes(claimNameOf(one)))
  )
}

/**
 * The machine's Secrets from the backup's copies: those that are gone come back under their names; a new machine gets its own.
 *
 * @returns new names by old ones
 */
async function restoreSecrets(
  restore: VirtualMachineRestore,
  backup: VirtualMachineBackup,
  context: Context,
): Promise<Map<string, string>> {
  const { namespace } = restore.metadata
  const secrets = context.client.resource<Secret>(Secret)
  const names = new Map<string, string>()
  for (const { name: old = '' } of backup.status?.secretBackups ?? []) {
    const name = restore.spec.newVM ? `${restore.spec.target.name}-${old}` : old
    names.set(old, name)
    try {
      const { type, data } = await secrets.get(
        secretCopyName(backup.metadata.name ?? '', old),
        backup.metadata.namespace,
      )
      await secrets.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, data })
    } catch (error) {
      if (!isReason(error, 'NotFound', 'AlreadyExists')) throw error
    }
  }
  return names
}

/** Wait for the volumes, then let the machine run as it is to. */
async function follow(
  restore: VirtualMachineRestore,
  backup: VirtualMachineBackup,
  machine: VirtualMachine,
  context: Context,
): Promise<void> {
  const { namespace } = restore.metadata
  const claims = context.objects(PersistentVolumeClaim)
  const restores = (restore.status?.restores ?? []).map((one) => {
    const claim = claims.get(`${namespace}/${claimNameOf(one)}`)
    return { ...one, progress: claim?.status?.phase === 'Bound' ? 100 : 0 }
  })
  const made = restores.filter(({ progress }) => progress === 100).length
  const done = made === restores.length
  const status: Status = {
    ...restore.status,
    restores,
    targetUID: machine.metadata.uid,
    progress: done ? 100 : Math.floor((made / restores.length) * 100),
    complete: done,
    ...(done ? { restoreTime: formatTime(context.now()) } : {}),
  }
  if (done) {
    await ownSecrets(restore, backup, machine, context)
    const runStrategy = runStrategyAfter(restore, backup)
    if (machine.spec.runStrategy !== runStrategy)
      await context.objects(VirtualMachine).patch(machine, { spec: { runStrategy } })
  }
  const waits = restores.flatMap((one) => waitsOf(claims.get(`${namespace}/${claimNameOf(one)}`)))[0]
  await show(restore, status, context, waits)
}

/** What a claim says of why it has no volume. */
function waitsOf(claim: PersistentVolumeClaim | undefined): string[] {
  return (claim?.status?.conditions ?? []).flatMap(({ type, status, message }) =>
    type === 'Provisioned' && status === 'False' && message ? [message] : [],
  )
}

/** The Secrets made for a new machine go with it. */
async function ownSecrets(
  restore: VirtualMachineRestore,
  backup: VirtualMachineBackup,
  machine: VirtualMachine,
  context: Context,
): Promise<void> {
  if (!restore.spec.newVM) return
  const { name = '', uid = '', namespace } = machine.metadata
  const ownerReferences = [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name, uid }]
  for (const { name: old } of backup.status?.secretBackups ?? []) {
    try {
      await context.client
        .resource<Secret>(Secret)
        .patch(`${name}-${old}`, namespace, { metadata: { ownerReferences } }, 'merge')
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
  }
}

async function show(restore: VirtualMachineRestore, status: Status, context: Context, message?: string): Promise<void> {
  const before = restore.status?.conditions as Condition[] | undefined
  const now = context.now()
  const progressing = setCondition(before, { type: 'InProgress', status: status.complete ? 'False' : 'True' }, now)
  const conditions = setCondition(
    progressing,
    { type: 'Ready', status: status.complete ? 'True' : 'False', ...(message ? { reason: 'Waiting', message } : {}) },
    now,
  ) as Status['conditions']
  const next = { ...status, conditions }
  if (same(next, restore.status)) return
  await context.objects(VirtualMachineRestore).updateStatus({ ...restore, status: next })
  if (status.complete)
    context.events.record({
      object: restore,
      reason: 'RestoreComplete',
      message: `${restore.spec.target.name} is as it was`,
    })
}
