import { column } from '../columns.ts'
import { PersistentVolumeClaimSpec } from '../core/persistent-volume-claim-spec.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, object, oneOf, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** One volume's content at the backup target, asked for by a guest cluster. */
export const VolumeRemoteBackup = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VolumeRemoteBackup',
  description: "One volume's content at the backup target, asked for by a guest cluster.",
  plural: 'volumeremotebackups',
  shortNames: ['volumeremotebackup', 'volumeremotebackups'],
  namespaced: true,
  spec: object({ type: oneOf('lh'), source: text }),
  status: optional({
    handle: text,
    csiProvider: text,
    sourceSpec: PersistentVolumeClaimSpec,
    success: flag,
    conditions: Conditions,
  }),
  columns: [
    column('Type', '.spec.type'),
    column('Source', '.spec.source'),
    column('Handle', '.status.handle'),
    column('Provider', '.status.csiProvider'),
    column('Success', '.status.success', 'boolean'),
  ],
  checkUpdate: (next, previous) =>
    next.spec.source === previous.spec.source
      ? []
      : [{ field: 'spec.source', message: 'is immutable; make another backup' }],
})
export type VolumeRemoteBackup = ObjectOf<typeof VolumeRemoteBackup>
