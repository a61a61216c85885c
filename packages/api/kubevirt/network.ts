import type { Static } from 'typebox'
import { flag, object, optional, text } from '../schema.ts'

/** A network that an interface of the same name is on: the management network, or one by name. */
export const Network = object(
  { name: text },
  {
    pod: optional({ vmNetworkCIDR: text, vmIPv6NetworkCIDR: text }),
    multus: object({ networkName: text }, { default: flag }),
    resourceClaim: optional({ claimName: text, requestName: text }),
  },
)
export type Network = Static<typeof Network>

/** The key of the NetworkAttachmentDefinition that a network of a machine in `namespace` names; undefined where it names none. */
export function networkKey({ multus }: Pick<Network, 'multus'>, namespace: string): string | undefined {
  if (!multus) return undefined
  return multus.networkName.includes('/') ? multus.networkName : `${namespace}/${multus.networkName}`
}
