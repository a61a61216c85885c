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
