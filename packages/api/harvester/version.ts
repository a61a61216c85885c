import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { object, text, texts } from '../schema.ts'

/** A version that the cluster can be upgraded to. */
export const Version = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'Version',
  description: 'A version that the cluster can be upgraded to.',
  plural: 'versions',
  namespaced: true,
  spec: object({ isoURL: text }, { isoChecksum: text, releaseDate: text, minUpgradableVersion: text, tags: texts }),
  columns: [
    column('ISO-URL', '.spec.isoURL'),
    column('ReleaseDate', '.spec.releaseDate'),
    column('MinUpgradableVersion', '.spec.minUpgradableVersion'),
  ],
})
export type Version = ObjectOf<typeof Version>
