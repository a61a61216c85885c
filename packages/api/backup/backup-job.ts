import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { AnyObject, flag, int32, int64, list, object, oneOf, optional, text, texts, time } from '../schema.ts'

/** A machine's disk as it was taken, to be brought to the backup target. */
const disk = object(
  {
    /** The name of the machine's volume. */
    name: text,
    /** Of the VolumeSnapshotContent, on the node. */
    snapshotHandle: text,
  },
  { parentSnapshotHandle: text },
)

/** What a node's agent does at the backup target on behalf of the controllers: nobody else may make one. */
export const BackupJob = defineKind({
  group: 'backup.thresher.io',
  version: 'v1',
  kind: 'BackupJob',
  description: 'Work at the backup target that the agent of a node is given.',
  plural: 'backupjobs',
  namespaced: false,
  spec: object(
    { node: text, action: oneOf('upload', 'delete', 'verify') },
    {
      cluster: optional({ uid: text, name: text }),
      machine: optional({ namespace: text, name: text, uid: text }),
      time,
      frozen: flag,
      /** The backup that the parents' snapshots are of. */
      parent: text,
      disks: list(disk),
      /** What the machine is made of again: kept encrypted at the target. */
      objects: list(AnyObject),
      /** Of what is to be deleted or verified. */
      manifest: text,
    },
  ),
  status: optional({
    done: flag,
    progress: int32,
    manifest: text,
    endpoint: text,
    bucketName: text,
    bucketRegion: text,
    /** Read from the disks, new to the target, and sent in the end. */
    readBytes: int64,
    newBytes: int64,
    sentBytes: int64,
    message: text,
    /** What is damaged at the target, in sentences. */
    damages: texts,
  }),
  columns: [
    column('Node', '.spec.node'),
    column('Action', '.spec.action'),
    column('Progress', '.status.progress', 'integer'),
    column('Done', '.status.done', 'boolean'),
    age,
    column('Message', '.status.message'),
  ],
})
export type BackupJob = ObjectOf<typeof BackupJob>
