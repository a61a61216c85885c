import { column } from '../columns.ts'
import { Conditions } from './condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int64, mapTo, optional } from '../schema.ts'

const onlyName = 'default-resource-quota'

/** How many bytes the snapshots of a namespace and of its machines may take. */
export const ResourceQuota = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'ResourceQuota',
  description: 'How many bytes the snapshots of a namespace and of its machines may take.',
  plural: 'resourcequotas',
  shortNames: ['hrq', 'hrqs'],
  namespaced: true,
  specOptional: true,
  spec: optional({
    snapshotLimit: optional({ namespaceTotalSnapshotSizeQuota: int64, vmTotalSnapshotSizeQuota: mapTo(int64) }),
  }),
  status: optional({
    conditions: Conditions,
    snapshotLimitStatus: optional({ namespaceTotalSnapshotSizeUsage: int64, vmTotalSnapshotSizeUsage: mapTo(int64) }),
  }),
  columns: [
    column('Namespace_Total_Snapshot_Size_Quota', '.spec.snapshotLimit.namespaceTotalSnapshotSizeQuota'),
    column('Namespace_Total_Snapshot_Size_Usage', '.status.snapshotLimitStatus.namespaceTotalSnapshotSizeUsage'),
  ],
  check: ({ metadata }) =>
    metadata.name === onlyName
      ? []
      : [{ field: 'metadata.name', message: `must be ${onlyName}; a namespace has one quota` }],
})
export type ResourceQuota = ObjectOf<typeof ResourceQuota>
