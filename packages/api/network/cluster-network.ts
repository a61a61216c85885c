import { age } from '../columns.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { optional } from '../schema.ts'

/** What the uplinks of a cluster network carry, in bytes; 0 is the usual. */
export const mtuAnnotation = 'network.harvesterhci.io/uplink-mtu'

/** A physical network over hosts; `mgmt` is the one that is always there. */
export const ClusterNetwork = defineKind({
  group: 'network.harvesterhci.io',
  version: 'v1beta1',
  kind: 'ClusterNetwork',
  description: 'A physical network over hosts; `mgmt` is the one that is always there.',
  plural: 'clusternetworks',
  shortNames: ['cn', 'cns'],
  namespaced: false,
  status: optional({ conditions: Conditions }),
  columns: [
    { name: 'Ready', path: ({ status }) => status?.conditions?.find(({ type }) => type === 'ready')?.status },
    age,
  ],
  check({ metadata }) {
    const mtu = metadata.annotations?.[mtuAnnotation]
    const fits =
      mtu === undefined ||
      (/^\d{1,5}$/.test(mtu) && (Number(mtu) === 0 || (Number(mtu) >= 1280 && Number(mtu) <= 65535)))
    const name = metadata.name ?? ''
    return [
      ...(fits
        ? []
        : [{ field: `metadata.annotations[${mtuAnnotation}]`, message: 'must be from 1280 to 65535 bytes' }]),
      ...(name.length > 12
        ? [
            {
              field: 'metadata.name',
              message: 'must have at most 12 characters, since devices on hosts are named after it',
            },
          ]
        : []),
    ]
  },
})
export type ClusterNetwork = ObjectOf<typeof ClusterNetwork>

/** The bytes of a frame on a cluster network's uplinks; undefined while nobody said so. */
export function uplinkMtu({ metadata }: Pick<ClusterNetwork, 'metadata'>): number | undefined {
  const mtu = Number(metadata.annotations?.[mtuAnnotation] ?? 0)
  return Number.isInteger(mtu) && mtu > 0 ? mtu : undefined
}
