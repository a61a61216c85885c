import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { labels, object, oneOf, optional, text } from '../schema.ts'

/** Disks of one host taken together by LVM. */
export const LVMVolumeGroup = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'LVMVolumeGroup',
  description: 'Disks of one host taken together by LVM.',
  plural: 'lvmvolumegroups',
  shortNames: ['lvmvg', 'lvmvgs'],
  namespaced: true,
  spec: object(
    { nodeName: text, vgName: text, desiredState: oneOf('Enabled', 'Disabled') },
    { devices: labels, parameters: text },
  ),
  status: optional({
    vgStatus: oneOf('Active', 'Inactive', 'Unknown'),
    vgTargetType: text,
    devices: labels,
    parameters: text,
    conditions: Conditions,
  }),
  columns: [
    column('Parameters', '.spec.parameters'),
    column('Status', '.status.vgStatus'),
    column('Node', '.spec.nodeName'),
  ],
})
export type LVMVolumeGroup = ObjectOf<typeof LVMVolumeGroup>
