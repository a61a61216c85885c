import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Empty, optional, text } from '../schema.ts'

/** A PCI device of a host. */
export const PCIDevice = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'PCIDevice',
  description: 'A PCI device of a host.',
  plural: 'pcidevices',
  namespaced: false,
  spec: Empty,
  specOptional: true,
  status: optional({
    address: text,
    classId: text,
    description: text,
    deviceId: text,
    iommuGroup: text,
    kernelDriverInUse: text,
    nodeName: text,
    resourceName: text,
    vendorId: text,
  }),
  columns: [
    column('Address', '.status.address'),
    column('Vendor Id', '.status.vendorId'),
    column('Device Id', '.status.deviceId'),
    column('Node Name', '.status.nodeName'),
    column('Description', '.status.description'),
    column('Kernel Driver In Use', '.status.kernelDriverInUse'),
  ],
})
export type PCIDevice = ObjectOf<typeof PCIDevice>
