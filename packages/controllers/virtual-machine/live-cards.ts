import { isConventional } from '@thresher/api/kubevirt/device-places'
import type { Interface } from '@thresher/api/kubevirt/interface'
import type { Network } from '@thresher/api/kubevirt/network'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { stableMac } from './mac-address.ts'

type Spec = VirtualMachineInstance['spec']

/** The cards and networks of a running instance with what of the template can be changed while it runs. Pure. */
export function liveCards(
  template: Spec,
  running: Spec,
  uid: string,
): { interfaces: Interface[]; networks: Network[] } {
  const wanted = template.domain.devices.interfaces ?? []
  const before = running.domain.devices.interfaces ?? []
  const kept = before.flatMap((card): Interface[] => {
    const next = wanted.find(({ name }) => name === card.name)
    // One that is gone from the guest may go from the spec; the template's first card is made up when it has none.
    if (!next) return card.state === 'absent' ? [] : [card]
    const { state: _, ...same } = card
    return [next.state === undefined ? same : { ...same, state: next.state }]
  })
  const added = wanted.flatMap((card): Interface[] => {
    const network = template.networks?.find(({ name }) => name === card.name)
    const known = before.some(({ name }) => name === card.name)
    if (known || !network || card.state === 'absent' || isConventional(card)) return []
    return [{ ...card, macAddress: card.macAddress || stableMac(uid, card.name) }]
  })
  const interfaces = [...kept, ...added]
  const networks = running.networks?.filter(({ name }) => interfaces.some((card) => card.name === name)) ?? []
  const come = added.flatMap(({ name }) => template.networks?.find((network) => network.name === name) ?? [])
  return { interfaces, networks: [...networks, ...come] }
}
