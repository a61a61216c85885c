import { column } from '../columns.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, optional, text } from '../schema.ts'

/** Sets a PCI device apart for virtual machines. */
export const PCIDeviceClaim = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'PCIDeviceClaim',
  description: 'Sets a PCI device apart for virtual machines.',
  plural: 'pcideviceclaims',
  namespaced: false,
  specOptional: true,
  spec: optional({ address: text, nodeName: text, userName: text, disableResourcePooling: flag }),
  status: optional({ kernelDriverToUnbind: text, passthroughEnabled: flag, conditions: Conditions }),
  columns: [
    column('Address', '.spec.address'),
    column('Node Name', '.spec.nodeName'),
    column('User Name', '.spec.userName'),
    column('Kernel Driver To Unbind', '.status.kernelDriverToUnbind'),
    column('Passthrough Enabled', '.status.passthroughEnabled'),
  ],
  checkUpdate: (next, previous) =>
    (['address', 'nodeName'] as const)
      .filter((field) => next.spec?.[field] !== previous.spec?.[field])
      .map((field) => ({ field: `spec.${field}`, message: 'is immutable; make another claim' })),
})
export type PCIDeviceClaim = ObjectOf<typeof PCIDeviceClaim>
