import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { base64, having, int32, int64, labels, object, oneOf, optional, text, texts } from '../schema.ts'

const bondModes = oneOf(
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
)

/** Which network cards of which hosts are the uplink of a cluster network. */
export const VlanConfig = defineKind({
  group: 'network.harvesterhci.io',
  version: 'v1beta1',
  kind: 'VlanConfig',
  description: 'Which network cards of which hosts are the uplink of a cluster network.',
  plural: 'vlanconfigs',
  shortNames: ['vc', 'vcs'],
  namespaced: false,
  spec: object(
    {
      clusterNetwork: text,
      uplink: optional({
        nics: texts,
        linkAttributes: optional({ mtu: int32, txQLen: having(int32, { default: -1 }), hardwareAddr: base64 }),
        bondOptions: optional({
          mode: having(bondModes, { default: 'active-backup' }),
          miimon: having(int64, { default: -1 }),
        }),
      }),
    },
    { description: text, nodeSelector: labels },
  ),
  status: optional({ conditions: Conditions }),
  columns: [column('ClusterNetwork', '.spec.clusterNetwork'), column('Description', '.spec.description'), age],
  check({ spec }): FieldError[] {
    const errors: FieldError[] = []
    if (spec.clusterNetwork === 'mgmt')
      errors.push({ field: 'spec.clusterNetwork', message: 'the uplink of mgmt is set when a host is installed' })
    if (!spec.uplink.nics?.length)
      errors.push({
        field: 'spec.uplink.nics',
        message: 'name at least one network card',
        reason: 'FieldValueRequired',
      })
    const mtu = spec.uplink.linkAttributes?.mtu
    if (mtu && (mtu < 1280 || mtu > 65535))
      errors.push({ field: 'spec.uplink.linkAttributes.mtu', message: 'must be from 1280 to 65535 bytes' })
    return errors
  },
})
export type VlanConfig = ObjectOf<typeof VlanConfig>
