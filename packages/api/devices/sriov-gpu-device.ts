import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, optional, text, texts } from '../schema.ts'

/** A graphics card that can be split. */
export const SRIOVGPUDevice = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'SRIOVGPUDevice',
  description: 'A graphics card that can be split.',
  plural: 'sriovgpudevices',
  namespaced: false,
  specOptional: true,
  spec: optional({ address: text, nodeName: text, enabled: flag }),
  status: optional({ vGPUDevices: texts, vfAddresses: texts }),
  columns: [
    column('Address', '.spec.address'),
    column('Node Name', '.spec.nodeName'),
    column('Enabled', '.spec.enabled'),
    column('VGPUDevices', '.status.vGPUDevices'),
  ],
})
export type SRIOVGPUDevice = ObjectOf<typeof SRIOVGPUDevice>
