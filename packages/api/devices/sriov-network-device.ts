import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, optional, text, texts } from '../schema.ts'

/** A network card that can be split, and into how many. */
export const SRIOVNetworkDevice = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'SRIOVNetworkDevice',
  description: 'A network card that can be split, and into how many.',
  plural: 'sriovnetworkdevices',
  namespaced: false,
  specOptional: true,
  spec: optional({ address: text, nodeName: text, numVFs: int32 }),
  status: optional({ status: text, vfAddresses: texts, vfPCIDevices: texts }),
  columns: [
    column('Address', '.spec.address'),
    column('Node Name', '.spec.nodeName'),
    column('NumVFs', '.spec.numVFs'),
    column('VF Addresses', '.status.vfAddresses'),
  ],
  check: ({ spec }) => ((spec?.numVFs ?? 0) < 0 ? [{ field: 'spec.numVFs', message: 'must be 0 or more' }] : []),
})
export type SRIOVNetworkDevice = ObjectOf<typeof SRIOVNetworkDevice>
