import { age, column } from '../columns.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, list, object, text } from '../schema.ts'

/** How a host's uplink to a cluster network fares. */
export const VlanStatus = defineKind({
  group: 'network.harvesterhci.io',
  version: 'v1beta1',
  kind: 'VlanStatus',
  description: "How a host's uplink to a cluster network fares.",
  plural: 'vlanstatuses',
  shortNames: ['vs', 'vss'],
  namespaced: false,
  status: object(
    { clusterNetwork: text, vlanConfig: text, linkMonitor: text, node: text },
    { localAreas: list(object({ vlanID: int32 }, { cidr: text })), conditions: Conditions },
  ),
  columns: [
    column('ClusterNetwork', '.status.clusterNetwork'),
    column('VlanConfig', '.status.vlanConfig'),
    column('Node', '.status.node'),
    age,
  ],
})
export type VlanStatus = ObjectOf<typeof VlanStatus>
