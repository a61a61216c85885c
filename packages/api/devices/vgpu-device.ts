import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, labels, optional, text } from '../schema.ts'

/** A part of a graphics card. */
export const VGPUDevice = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'VGPUDevice',
  description: 'A part of a graphics card.',
  plural: 'vgpudevices',
  namespaced: false,
  specOptional: true,
  spec: optional({ address: text, nodeName: text, enabled: flag, parentGPUDeviceAddress: text, vGPUTypeName: text }),
  status: optional({ availableTypes: labels, configureVGPUTypeName: text, uuid: text, vGPUStatus: text }),
  columns: [
    column('Address', '.spec.address'),
    column('Node Name', '.spec.nodeName'),
    column('Enabled', '.spec.enabled'),
    column('UUID', '.status.uuid'),
    column('VGPUType', '.status.configureVGPUTypeName'),
    column('ParentGPUDevice', '.spec.parentGPUDeviceAddress'),
  ],
  check: ({ spec }) =>
    spec?.enabled && !spec.vGPUTypeName
      ? [{ field: 'spec.vGPUTypeName', message: 'VGPUTypeName cannot be empty: choose one of status.availableTypes' }]
      : [],
})
export type VGPUDevice = ObjectOf<typeof VGPUDevice>
