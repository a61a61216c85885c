import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, object, oneOf, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** Makes a volume from one at the backup target, for a guest cluster. */
export const VolumeRemoteRestore = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VolumeRemoteRestore',
  description: 'Makes a volume from one at the backup target, for a guest cluster.',
  plural: 'volumeremoterestores',
  shortNames: ['volumeremoterestore', 'volumeremoterestores'],
  namespaced: true,
  spec: object({ type: oneOf('lh'), from: text }),
  status: optional({ success: flag, conditions: Conditions }),
  columns: [
    column('Type', '.spec.type'),
    column('From', '.spec.from'),
    column('Success', '.status.success', 'boolean'),
  ],
  checkUpdate: (next, previous) =>
    next.spec.from === previous.spec.from
      ? []
      : [{ field: 'spec.from', message: 'is immutable; make another restore' }],
})
export type VolumeRemoteRestore = ObjectOf<typeof VolumeRemoteRestore>
