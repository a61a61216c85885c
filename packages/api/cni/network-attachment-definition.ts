import type { FieldError } from '../error.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { optional, text } from '../schema.ts'

const prefix = 'network.harvesterhci.io'

/** A network that machines can be put on. Labels say of which type and cluster network, `config` is CNI's JSON. */
export const NetworkAttachmentDefinition = defineKind({
  group: 'k8s.cni.cncf.io',
  version: 'v1',
  kind: 'NetworkAttachmentDefinition',
  description:
    "A network that machines can be put on. Labels say of which type and cluster network, `config` is CNI's JSON.",
  plural: 'network-attachment-definitions',
  singular: 'network-attachment-definition',
  shortNames: ['net-attach-def'],
  namespaced: true,
  specOptional: true,
  spec: optional({ config: text }),
  columns: [
    { name: 'Type', path: ({ metadata }) => metadata.labels?.[`${prefix}/type`] },
    { name: 'VLAN', path: ({ metadata }) => metadata.labels?.[`${prefix}/vlan-id`] },
    { name: 'Cluster-Network', path: ({ metadata }) => metadata.labels?.[`${prefix}/clusternetwork`] },
    age,
  ],
  check({ metadata, spec }): FieldError[] {
    const errors: FieldError[] = []
    if (spec?.config) {
      const vlan = vlanOf(spec.config)
      if (vlan === undefined) errors.push({ field: 'spec.config', message: "must be CNI's JSON object" })
      else if (vlan !== 0 && !(Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094))
        errors.push({ field: 'spec.config', message: `vlan must be from 1 to 4094, not ${vlan}` })
    }
    const route = metadata.annotations?.[`${prefix}/route`]
    if (route && !isJson(route))
      errors.push({ field: `metadata.annotations[${prefix}/route]`, message: 'must be JSON, such as {"mode":"auto"}' })
    return errors
  },
})
export type NetworkAttachmentDefinition = ObjectOf<typeof NetworkAttachmentDefinition>

/** The VLAN in a configuration, 0 when there is none; undefined when it is no JSON object. */
export function vlanOf(config: string): number | undefined {
  if (!isJson(config)) return undefined
  const parsed: unknown = JSON.parse(config)
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { vlan } = parsed as { vlan?: unknown }
  return vlan === undefined ? 0 : Number(vlan)
}

function isJson(written: string): boolean {
  try {
    JSON.parse(written)
    return true
  } catch {
    return false
  }
}
