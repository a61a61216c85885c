import type { Static } from 'typebox'
import { Type } from './type.ts'
import { managementSwitch } from './management-network.ts'
import { matches } from './matches.ts'

/** The Pod annotation in which the network controller tells the agent how a guest's NICs are connected. */
export const networkAnnotation = 'thresher.io/network'

/** The VMI annotation that asks for fixed addresses: a JSON object from NIC name to IPv4 address. */
export const addressesAnnotation = 'thresher.io/addresses'

/** Nothing but an IPv4 address, as it goes into commands of the host. */
const address = Type.String({ pattern: '^(0|[1-9][0-9]{0,2})([.](0|[1-9][0-9]{0,2})){3}$' })

/** One NIC of a guest on a logical switch. */
export const PodNic = Type.Object({
  /** The NIC's name in the VMI's spec. */
  name: Type.String({ minLength: 1 }),
  /** The network's name; absent in what was written before networks had names, when all were on the management network. */
  network: Type.Optional(Type.String({ minLength: 1 })),
  /** The logical switch port: `<namespace>/<vmi>/<nic>`. */
  port: Type.String({ minLength: 1 }),
  mac: Type.String({ pattern: '^([0-9a-f]{2}:){5}[0-9a-f]{2}$' }),
  ip: Type.Optional(address),
  prefix: Type.Optional(Type.Integer({ minimum: 0, maximum: 32 })),
  gateway: Type.Optional(address),
  mtu: Type.Optional(Type.Integer({ minimum: 68, maximum: 65_535 })),
})
export type PodNic = Static<typeof PodNic>

/** The address at which the host reaches a guest: that of its NIC on the management network. */
export function managementAddress(nics: readonly PodNic[]): string | undefined {
  return nics.find((nic) => nic.ip !== undefined && isOnManagement(nic))?.ip
}

/** Whether a NIC is on the network that the hosts are on, too. */
export function isOnManagement({ network = managementSwitch }: PodNic): boolean {
  return network === managementSwitch
}

const PodNics = Type.Array(PodNic)

/** The NICs that the annotation of these annotations lists; undefined while there is none or it cannot be read. */
export function readNics(annotations: Readonly<Record<string, string>> | undefined): PodNic[] | undefined {
  const text = annotations?.[networkAnnotation]
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return matches(PodNics, value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The annotation's value. */
export function writeNics(nics: readonly PodNic[]): string {
  return JSON.stringify(nics)
}
