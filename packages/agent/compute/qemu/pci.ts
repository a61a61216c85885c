import type { Draft } from './draft.ts'

/**
 * Where each device sits on the PCI Express bus. Addresses depend only on a device's family and its place there
 * (`@thresher/api/kubevirt/device-places`), so a guest finds the same after each restart, and on each node.
 *
 * ```
 * 01    display          10-17  conventional network cards (e1000, rtl8139, …)
 * 02.x  ports of NICs    18     USB         19  watchdog     1f  chipset: LPC, SATA
 *                        1a     sound       1b  panic notifier
 * 03.x… ports of disks, then spare ports for hot plug
 * 08 serial channels · 09 rng · 0a balloon · 0b SCSI · 0c/0d tablet, keyboard
 * ```
 */
export const slots = {
  display: 0x01,
  nicPorts: 0x02,
  diskPorts: 0x03,
  virtioSerial: 0x08,
  rng: 0x09,
  balloon: 0x0a,
  scsi: 0x0b,
  tablet: 0x0c,
  keyboard: 0x0d,
  conventionalNics: 0x10,
  usb: 0x18,
  watchdog: 0x19,
  sound: 0x1a,
  panic: 0x1b,
} as const

/** Functions per slot: eight root ports share one. */
const functions = 8

/** NIC ports that are always there, so that up to so many cards change no bus number. */
const minNicPorts = 4
/** Free ports for disks that are attached while the guest runs. */
const spareDiskPorts = 4
export const maxNicPorts = functions
/** Slots 3 to 7. */
export const maxDiskPorts = 5 * functions

/** The id of the root port of the n-th NIC or disk. */
export const nicPort = (index: number): string => `nicport${index}`
export const diskPort = (index: number): string => `diskport${index}`

/** Put a device directly on the root bus. */
export function onRootBus(slot: number): { bus: string; addr: string } {
  return { bus: 'pcie.0', addr: `0x${slot.toString(16)}` }
}

/** Declare the root ports that `nics` cards and `disks` disks need, and spare ones unless hot plug is off. */
export function addRootPorts(draft: Draft, nics: number, disks: number, hotplug: boolean): void {
  const nicPorts = Math.min(Math.max(nics, hotplug ? minNicPorts : 0), maxNicPorts)
  const diskPorts = Math.min(disks + (hotplug ? spareDiskPorts : 0), maxDiskPorts)
  for (let index = 0; index < nicPorts; index++)
    addPort(draft, nicPort(index), slots.nicPorts, index, 1 + index, nicPorts)
  for (let index = 0; index < diskPorts; index++)
    addPort(draft, diskPort(index), slots.diskPorts, index, 1 + maxNicPorts + index, diskPorts)
}

function addPort(draft: Draft, id: string, firstSlot: number, index: number, chassis: number, count: number): void {
  const slot = firstSlot + Math.floor(index / functions)
  const inSlot = index % functions
  draft.device('pcie-root-port', {
    id,
    bus: 'pcie.0',
    addr: `0x${slot.toString(16)}.0x${inSlot}`,
    chassis,
    slot: chassis,
    // Function 0 announces that the slot has more.
    ...(inSlot === 0 && count - index > 1 ? { multifunction: true } : {}),
  })
}
