import { age, column, wide } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, optional, text } from '../schema.ts'

/** A series of versions of a virtual machine to be made. */
export const VirtualMachineTemplate = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VirtualMachineTemplate',
  description: 'A series of versions of a virtual machine to be made.',
  plural: 'virtualmachinetemplates',
  shortNames: ['vmtemplate', 'vmtemplates'],
  namespaced: true,
  specOptional: true,
  spec: optional({ defaultVersionId: text, description: text }),
  status: optional({ defaultVersion: int32, latestVersion: int32 }),
  columns: [
    column('Version_Id', '.spec.defaultVersionId'),
    wide('Description', '.spec.description'),
    wide('Version_Default', '.status.defaultVersion', 'integer'),
    wide('Version_Latest', '.status.latestVersion', 'integer'),
    age,
  ],
})
export type VirtualMachineTemplate = ObjectOf<typeof VirtualMachineTemplate>
