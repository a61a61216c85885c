import { isConventional, nicKey } from '@thresher/api/kubevirt/device-places'
import type { Interface } from '@thresher/api/kubevirt/interface'
import { pairs, type Draft } from './draft.ts'
import { bootIndexes } from './disks.ts'
import type { PlacedNic, QemuInput } from './input.ts'
import { maxNicPorts, nicPort, onRootBus, slots } from './pci.ts'

/** KubeVirt's names of network cards, as QEMU calls them. Conventional PCI cards do not go behind a PCI Express port. */
const models: Record<string, { driver: string; virtio?: boolean }> = {
  virtio: { driver: 'virtio-net-pci', virtio: true },
  'virtio-non-transitional': { driver: 'virtio-net-pci-non-transitional', virtio: true },
  e1000e: { driver: 'e1000e' },
  e1000: { driver: 'e1000' },
  rtl8139: { driver: 'rtl8139' },
  ne2k_pci: { driver: 'ne2k_pci' },
  pcnet: { driver: 'pcnet' },
}
const bindings = ['sriov', 'slirp', 'macvtap', 'passt', 'passtBinding', 'binding'] as const

/** The interfaces that get a card: all but those that are to be absent. */
export function presentInterfaces(vmi: QemuInput['vmi']): Interface[] {
  return (vmi.spec.domain.devices.interfaces ?? []).filter((card) => card.state !== 'absent')
}

/** How many root ports the cards need: up to the last that is taken. */
export function portedNics({ vmi, places }: QemuInput): number {
  const ported = presentInterfaces(vmi).filter((card) => !isConventional(card))
  return 1 + Math.max(-1, ...ported.map((card) => places.nics[nicKey(card)] ?? 0))
}

/** What cards are made from. */
export type CardInput = Pick<QemuInput, 'vmi' | 'volumes' | 'nics' | 'places'>

/** A tap and a card for each interface. */
export function addInterfaces(draft: Draft, input: CardInput): PlacedNic[] {
  const boot = bootIndexes(input)
  return presentInterfaces(input.vmi).flatMap((card, index) => {
    const at = `spec.domain.devices.interfaces[${index}]`
    refuseUnsupported(draft, card, at)
    const model = models[card.model ?? 'virtio']
    if (!model) {
      draft.refuse(`${at}.model`, `${JSON.stringify(card.model)} cannot be run; use ${Object.keys(models).join(', ')}`)
      return []
    }
    const nic = input.nics.get(card.name)
    if (!nic) {
      draft.refuse(`${at}.name`, `the network ${card.name} is not connected on this node`)
      return []
    }
    const id = `net-${card.name}`
    const tap = `tap-${card.name}`
    draft.add(
      '-netdev',
      pairs({
        type: 'tap',
        id: tap,
        ifname: nic.ifname,
        script: 'no',
        downscript: 'no',
        vnet_hdr: nic.offloads ? undefined : 'off',
      }).replace(/^type=/, ''),
    )
    const bootindex = boot.get(`nic ${card.name}`)
    draft.device(model.driver, {
      id,
      netdev: tap,
      mac: nic.mac,
      ...placeOf(draft, isConventional(card), input.places.nics[nicKey(card)] ?? 0, at),
      // Without its boot program a card cannot delay the start.
      ...(bootindex === undefined ? { romfile: '' } : { bootindex }),
      ...(model.virtio && nic.mtu ? { host_mtu: nic.mtu } : {}),
      ...(card.acpiIndex ? { 'acpi-index': card.acpiIndex } : {}),
    })
    return [{ name: card.name, device: id, mac: nic.mac, ifname: nic.ifname }]
  })
}

function placeOf(draft: Draft, conventional: boolean, place: number, at: string): { bus: string; addr?: string } {
  if (conventional) {
    if (place >= 8) draft.refuse(`${at}.model`, 'at most 8 cards of this kind fit; use virtio')
    return onRootBus(slots.conventionalNics + place)
  }
  if (place >= maxNicPorts) draft.refuse(at, `at most ${maxNicPorts} network cards fit`)
  return { bus: nicPort(place) }
}

function refuseUnsupported(draft: Draft, card: Interface, at: string): void {
  for (const binding of bindings)
    draft.refuseIf(card[binding], `${at}.${binding}`, 'this binding is not available; use bridge or masquerade')
  draft.refuseIf(card.pciAddress || undefined, `${at}.pciAddress`, 'addresses are assigned; remove it')
  draft.refuseIf(card.dhcpOptions, `${at}.dhcpOptions`, 'DHCP options of one card are not available; remove them')
}
