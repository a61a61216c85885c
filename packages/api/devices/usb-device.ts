import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, optional, text } from '../schema.ts'

/** A USB device of a host. */
export const USBDevice = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'USBDevice',
  description: 'A USB device of a host.',
  plural: 'usbdevices',
  namespaced: false,
  status: optional({
    classType: text,
    description: text,
    devicePath: text,
    enabled: flag,
    message: text,
    nodeName: text,
    pciAddress: text,
    productID: text,
    resourceName: text,
    status: text,
    vendorID: text,
  }),
  columns: [
    column('Vendor ID', '.status.vendorID'),
    column('Product ID', '.status.productID'),
    column('Node Name', '.status.nodeName'),
    column('Description', '.status.description'),
    column('Resource Name', '.status.resourceName'),
    column('PCI Address', '.status.pciAddress'),
    column('Enabled', '.status.enabled'),
  ],
})
export type USBDevice = ObjectOf<typeof USBDevice>
