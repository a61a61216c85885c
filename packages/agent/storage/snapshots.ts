import {
  freezeGuestAnnotation,
  localDriver,
  snapshotContentFinalizer,
  snapshotGroupAnnotation,
  snapshotGroupSizeAnnotation,
  snapshotNodeAnnotation,
} from '@thresher/api/names'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { formatTime } from '@thresher/client/conditions'
import { defineController, watch, type Context, type Controller, type Result } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'
import { isDriverError, type SnapshotId, type VolumeDriver } from './volume-driver.ts'

/** What the snapshot controller works with. */
export interface SnapshotControlOptions {
  /** The name of this agent's Node. */
  node: string
  driver: VolumeDriver
}

const waitForGuestMs = 2_000
const waitForRoomMs = 30_000

/** Takes the snapshots that are given to this node, and deletes them. */
export function snapshotController(options: SnapshotControlOptions): Controller {
  return defineController({
    name: 'local-snapshot',
    subject: subjectIs(VolumeSnapshotContent),
    watches: [
      watch(
        VolumeSnapshotContent,
        (content, context) => {
          const group = groupKey(content)
          const members = group ? context.objects(VolumeSnapshotContent).byIndex('group', group) : [content]
          return [content, ...members].map(({ metadata }) => metadata.name ?? '')
        },
        { group: (content) => [groupKey(content) ?? ''] },
      ),
    ],
    reconcile: (key, context) => reconcile(key, context, options),
  })
}

async function reconcile(
  key: string,
  context: Context,
  { node, driver }: SnapshotControlOptions,
): Promise<Result | void> {
  const contents = context.objects(VolumeSnapshotContent)
  const content = contents.get(key)
  if (!content || !isHere(content, node)) return
  const { metadata, spec, status } = content
  if (metadata.deletionTimestamp) {
    if (!metadata.finalizers?.includes(snapshotContentFinalizer)) return
    if (spec.deletionPolicy === 'Delete') await driver.deleteSnapshot(handleOf(content))
    return contents.removeFinalizer(content, snapshotContentFinalizer)
  }
  if (status?.readyToUse) return
  if (spec.source.snapshotHandle) return find(content, context, driver)
  const members = groupOf(content, context, node)
  if (!members) return
  return take(members, context, driver)
}

function isHere({ metadata, spec }: VolumeSnapshotContent, node: string): boolean {
  return spec.driver === localDriver && metadata.annotations?.[snapshotNodeAnnotation] === node
}

/** A snapshot's name here. */
function handleOf({ spec, status }: VolumeSnapshotContent): SnapshotId {
  return status?.snapshotHandle ?? spec.source.snapshotHandle ?? `snapshot-${spec.volumeSnapshotRef.uid}`
}

/** What the members of a group share. Groups are of one namespace: nobody joins that of another. */
function groupKey({ metadata, spec }: VolumeSnapshotContent): string | undefined {
  const group = metadata.annotations?.[snapshotGroupAnnotation]
  return group ? `${spec.volumeSnapshotRef.namespace}/${group}` : undefined
}

/** The contents that are to be taken together with this one; undefined while some are missing. */
function groupOf(content: VolumeSnapshotContent, context: Context, node: string): VolumeSnapshotContent[] | undefined {
  const group = groupKey(content)
  const size = content.metadata.annotations?.[snapshotGroupSizeAnnotation]
  if (!group) return [content]
  const members = context
    .objects(VolumeSnapshotContent)
    .byIndex('group', group)
    .filter((one) => isHere(one, node) && !one.metadata.deletionTimestamp)
  return members.length >= Number(size) ? members : undefined
}

async function take(
  members: readonly VolumeSnapshotContent[],
  context: Context,
  driver: VolumeDriver,
): Promise<Result | void> {
  const freeze = members.some(({ metadata }) => metadata.annotations?.[freezeGuestAnnotation] === 'true')
  let frozen: boolean
  try {
    const wanted = members.map((one) => ({ snapshot: handleOf(one), volume: one.spec.source.volumeHandle ?? '' }))
    ;({ frozen } = await driver.snapshot(wanted, { freeze }))
  } catch (error) {
    // What is refused, and what QEMU could not, is tried again: the guest may end, there may be room.
    const { message } = error as Error
    for (const one of members) await fail(one, message, context)
    if (!isDriverError(error)) throw error
    return { afterMs: error.reason === 'NoSpace' ? waitForRoomMs : waitForGuestMs }
  }
  for (const one of members) {
    await report(one, context, driver)
    const how = freeze && frozen ? ' with the file systems of the guest held still' : ''
    context.events.record({ object: one, reason: 'SnapshotTaken', message: `the snapshot was taken${how}` })
  }
}

/** A content that names a snapshot which is there already. */
async function find(content: VolumeSnapshotContent, context: Context, driver: VolumeDriver): Promise<void> {
  if (await driver.inspectSnapshot(handleOf(content))) return report(content, context, driver)
  return fail(
    content,
    `there is no snapshot ${handleOf(content)} on this node; correct spec.source.snapshotHandle`,
    context,
  )
}

async function report(content: VolumeSnapshotContent, context: Context, driver: VolumeDriver): Promise<void> {
  const handle = handleOf(content)
  const info = await driver.inspectSnapshot(handle)
  if (!info) throw new Error(`the snapshot ${handle} is gone`)
  const { error: _, ...before } = content.status ?? {}
  const status = {
    ...before,
    snapshotHandle: handle,
    // Nanoseconds since 1970.
    creationTime: Date.parse(info.createdAt) * 1e6,
    restoreSize: info.bytes,
    readyToUse: true,
  }
  await context.objects(VolumeSnapshotContent).updateStatus({ ...content, status })
}

async function fail(content: VolumeSnapshotContent, message: string, context: Context): Promise<void> {
  if (content.status?.error?.message === message) return
  const error = { message, time: formatTime(context.now()) }
  const status = { ...content.status, readyToUse: false, error }
  await context.objects(VolumeSnapshotContent).updateStatus({ ...content, status })
}
