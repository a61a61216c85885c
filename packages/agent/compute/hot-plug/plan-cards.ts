import type { PodNic } from '@thresher/api/pod-network'
import type { RunningConfig } from '../run-state.ts'

/** A network card that the guest should have. */
export interface WantedCard {
  name: string
  /** QEMU's id of the card's device. */
  device: string
  /** Whether its cable is in. */
  up: boolean
  /** How it is connected, when that is known. */
  nic?: PodNic
}

/** What decides about the network cards of a running guest. */
export interface CardFacts {
  wanted: readonly WantedCard[]
  /** As the run knows its cards. */
  cards: RunningConfig['nics']
  /** The cards whose taps the run holds, by name. */
  held: readonly string[]
  /** The devices that QEMU has, by their ids. */
  devices: ReadonlySet<string>
  /** What the cables were set to, by device; unknown after another agent. */
  links: ReadonlyMap<string, boolean>
}

export type CardStep =
  /** Ask the guest to let go of a card; QEMU reports when it has. */
  | { do: 'detach'; name: string; device: string }
  /** No device uses the tap: give it back. */
  | { do: 'close'; name: string }
  /** Hold a tap, connect it and put a card before it. */
  | { do: 'attach'; card: WantedCard; nic: PodNic }
  /** An agent that died attached it but could not write that down. */
  | { do: 'record'; card: WantedCard; nic: PodNic }
  /** Put the cable in, or pull it out. */
  | { do: 'link'; name: string; device: string; up: boolean }

/** The next step for each card that is not as it is wanted. Every step may be taken again. Pure. */
export function planCards({ wanted, cards, held, devices, links }: CardFacts): CardStep[] {
  const going = held.flatMap((name): CardStep[] => {
    if (wanted.some((card) => card.name === name)) return []
    const device = `net-${name}`
    return [devices.has(device) ? { do: 'detach', name, device } : { do: 'close', name }]
  })
  const others = wanted.flatMap((card): CardStep[] => {
    const { name, device, nic, up } = card
    if (!devices.has(device)) return nic ? [{ do: 'attach', card, nic }] : []
    if (!cards.some((one) => one.name === name)) return nic ? [{ do: 'record', card, nic }] : []
    // Every cable is in at the start.
    return (links.get(device) ?? true) === up ? [] : [{ do: 'link', name, device, up }]
  })
  return [...going, ...others]
}
