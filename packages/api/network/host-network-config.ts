import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { LabelSelector } from '../meta.ts'
import { flag, int32, labels, mapTo, object, oneOf, optional, text } from '../schema.ts'

/** An address of hosts themselves on a VLAN of a cluster network. */
export const HostNetworkConfig = defineKind({
  group: 'network.harvesterhci.io',
  version: 'v1beta1',
  kind: 'HostNetworkConfig',
  description: 'An address of hosts themselves on a VLAN of a cluster network.',
  plural: 'hostnetworkconfigs',
  shortNames: ['hnc', 'hncs'],
  namespaced: false,
  spec: object(
    { clusterNetwork: text, vlanID: int32, mode: oneOf('static', 'dhcp') },
    { description: text, ips: labels, nodeSelector: LabelSelector, underlay: flag },
  ),
  status: optional({
    nodeStatus: mapTo(object({ clusterNetwork: text, vlanID: int32, mode: text }, { conditions: Conditions })),
    conditions: Conditions,
  }),
  columns: [
    column('ClusterNetwork', '.spec.clusterNetwork'),
    column('VlanID', '.spec.vlanID', 'integer'),
    column('Mode', '.spec.mode'),
    age,
  ],
  check({ spec }): FieldError[] {
    if (spec.vlanID < 0 || spec.vlanID > 4094) return [{ field: 'spec.vlanID', message: 'must be from 0 to 4094' }]
    return spec.mode === 'static' && Object.keys(spec.ips ?? {}).length === 0
      ? [{ field: 'spec.ips', message: 'give the address of each host, such as {"node1":"10.0.0.5/24"}' }]
      : []
  },
})
export type HostNetworkConfig = ObjectOf<typeof HostNetworkConfig>
