import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { having, object, oneOf, optional, text } from '../schema.ts'

/** Makes a file of an image that can be downloaded. */
export const VirtualMachineImageDownloader = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VirtualMachineImageDownloader',
  description: 'Makes a file of an image that can be downloaded.',
  plural: 'virtualmachineimagedownloaders',
  shortNames: ['vmimagedownloader', 'vmimagedownloaders'],
  namespaced: true,
  spec: object({ imageName: text }, { compressType: having(oneOf('qcow2'), { default: 'qcow2' }) }),
  status: optional({ status: oneOf('Progressing', 'Ready'), downloadUrl: text, conditions: Conditions }),
  columns: [
    column('VMImage', '.spec.imageName'),
    column('CompressType', '.spec.compressType'),
    column('Status', '.status.status'),
  ],
})
export type VirtualMachineImageDownloader = ObjectOf<typeof VirtualMachineImageDownloader>
