import { column } from '../columns.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { optional, text } from '../schema.ts'

/** Sets a USB device apart for virtual machines. */
export const USBDeviceClaim = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'USBDeviceClaim',
  description: 'Sets a USB device apart for virtual machines.',
  plural: 'usbdeviceclaims',
  namespaced: false,
  specOptional: true,
  spec: optional({ userName: text }),
  status: optional({ nodeName: text, pciAddress: text, conditions: Conditions }),
  columns: [
    column('Node Name', '.status.nodeName'),
    column('PCI Address', '.status.pciAddress'),
    column('User Name', '.spec.userName'),
  ],
  checkUpdate: (next, previous) =>
    (['userName'] as const)
      .filter((field) => next.spec?.[field] !== previous.spec?.[field])
      .map((field) => ({ field: `spec.${field}`, message: 'is immutable; make another claim' })),
})
export type USBDeviceClaim = ObjectOf<typeof USBDeviceClaim>
