import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { same } from '@thresher/api/same'
import { VolumeSnapshotClass } from '@thresher/api/snapshot/volume-snapshot-class'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { isSnapshotSource, VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { CSIDriver } from '@thresher/api/storage/csi-driver'
import { capabilitiesOf } from '@thresher/api/storage/driver-capabilities'
import { formatTime } from '@thresher/client/conditions'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { snapshotFinalizer } from '../names.ts'
import { contentNameOf, planSnapshot, type SnapshotWorld } from './plan.ts'

/** Gives each VolumeSnapshot the content that an agent takes, shows how that fares, and deletes it with the snapshot. */
export const volumeSnapshotController = defineController({
  name: 'volume-snapshot',
  subject: subjectIs(VolumeSnapshot),
  watches: [
    watch(VolumeSnapshot, undefined, {
      claim: ({ metadata, spec }) => [`${metadata.namespace}/${spec.source.persistentVolumeClaimName ?? ''}`],
    }),
    watch(VolumeSnapshotContent, ({ metadata, spec }, context) => [
      `${spec.volumeSnapshotRef.namespace}/${spec.volumeSnapshotRef.name}`,
      ...waitingSnapshots(context).filter(
        (key) => context.objects(VolumeSnapshot).get(key)?.spec.source.volumeSnapshotContentName === metadata.name,
      ),
    ]),
    watch(
      PersistentVolumeClaim,
      (claim, context) => [
        ...context.objects(VolumeSnapshot).byIndex('claim', keyOf(claim)).map(keyOf),
        ...sourceOf(claim),
      ],
      { snapshotSource: (claim) => (claim.spec.volumeName ? [] : sourceOf(claim)) },
    ),
    watch(PersistentVolume, ({ spec }, context) =>
      context.objects(VolumeSnapshot).byIndex('claim', `${spec.claimRef?.namespace}/${spec.claimRef?.name}`).map(keyOf),
    ),
    watch(VolumeSnapshotClass, (_, context) => waitingSnapshots(context)),
    watch(CSIDriver, (_, context) => waitingSnapshots(context)),
  ],
  async reconcile(key, context) {
    const snapshots = context.objects(VolumeSnapshot)
    const snapshot = snapshots.get(key)
    if (!snapshot) return
    const world = worldOf(snapshot, context)
    const step = planSnapshot(world)
    switch (step.do) {
      case 'nothing':
        return
      case 'make': {
        const held = await withFinalizer(snapshot, context)
        await context.objects(VolumeSnapshotContent).ensure(step.content)
        const status = { ...held.status, boundVolumeSnapshotContentName: step.content.metadata.name, readyToUse: false }
        delete status.error
        if (!same(status, held.status)) await snapshots.updateStatus({ ...held, status })
        return
      }
      case 'bind': {
        const content = world.content!
        const volumeSnapshotRef = { ...content.spec.volumeSnapshotRef, uid: step.uid }
        await withFinalizer(snapshot, context)
        await context
          .objects(VolumeSnapshotContent)
          .update({ ...content, spec: { ...content.spec, volumeSnapshotRef } })
        return
      }
      case 'show':
        return show(snapshot, step.status, context)
      case 'wait':
        return refuse(snapshot, step.message, context)
      case 'delete-content':
        return context.objects(VolumeSnapshotContent).delete(world.content!)
      case 'release':
        return snapshots.removeFinalizer(snapshot, snapshotFinalizer)
    }
  },
})

function worldOf(snapshot: VolumeSnapshot, context: Context): SnapshotWorld {
  const { namespace } = snapshot.metadata
  const claim = context
    .objects(PersistentVolumeClaim)
    .get(`${namespace}/${snapshot.spec.source.persistentVolumeClaimName ?? ''}`)
  return {
    snapshot,
    claim,
    volume: context.objects(PersistentVolume).get(claim?.spec.volumeName ?? ''),
    classes: context.objects(VolumeSnapshotClass).list(),
    capabilities: (driver) => capabilitiesOf(context.objects(CSIDriver).get(driver)),
    content: context
      .objects(VolumeSnapshotContent)
      .get(snapshot.status?.boundVolumeSnapshotContentName ?? contentNameOf(snapshot)),
    waitingClaims: context
      .objects(PersistentVolumeClaim)
      .byIndex('snapshotSource', keyOf(snapshot))
      .filter((each) => !each.metadata.deletionTimestamp)
      .map(({ metadata }) => metadata.name ?? ''),
  }
}

/** The snapshot that a claim is to be made from, as `namespace/name`. */
function sourceOf({ metadata, spec: { dataSource } }: PersistentVolumeClaim): string[] {
  return dataSource && isSnapshotSource(dataSource) ? [`${metadata.namespace}/${dataSource.name}`] : []
}

/** Snapshots that are not taken yet. */
function waitingSnapshots(context: Context): string[] {
  return context
    .objects(VolumeSnapshot)
    .list()
    .filter(({ status }) => !status?.readyToUse)
    .map(keyOf)
}

async function withFinalizer(snapshot: VolumeSnapshot, context: Context): Promise<VolumeSnapshot> {
  const { finalizers = [] } = snapshot.metadata
  if (finalizers.includes(snapshotFinalizer)) return snapshot
  const metadata = { ...snapshot.metadata, finalizers: [...finalizers, snapshotFinalizer] }
  return context.objects(VolumeSnapshot).update({ ...snapshot, metadata })
}

async function show(
  snapshot: VolumeSnapshot,
  status: NonNullable<VolumeSnapshot['status']>,
  context: Context,
): Promise<void> {
  if (same(status, snapshot.status)) return
  await context.objects(VolumeSnapshot).updateStatus({ ...snapshot, status })
  if (status.readyToUse && !snapshot.status?.readyToUse)
    context.events.record({ object: snapshot, reason: 'SnapshotReady', message: 'the snapshot can be restored from' })
  if (status.error?.message && status.error.message !== snapshot.status?.error?.message)
    context.events.record({
      object: snapshot,
      type: 'Warning',
      reason: 'SnapshotCreationFailed',
      message: status.error.message,
    })
}

async function refuse(snapshot: VolumeSnapshot, message: string, context: Context): Promise<void> {
  if (snapshot.status?.error?.message === message) return
  const error = { message, time: formatTime(context.now()) }
  const readyToUse = snapshot.metadata.deletionTimestamp ? snapshot.status?.readyToUse : false
  await context.objects(VolumeSnapshot).updateStatus({ ...snapshot, status: { ...snapshot.status, readyToUse, error } })
  context.events.record({ object: snapshot, type: 'Warning', reason: 'SnapshotWaits', message })
}
