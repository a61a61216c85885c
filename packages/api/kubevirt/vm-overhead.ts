import { parseBytes } from '../quantity.ts'
import type { Domain } from './domain.ts'
import { guestCpus } from './guest-memory.ts'
import { hasTpm } from './tpm.ts'

const MiB = 1024 * 1024

/**
 * What a virtual machine takes of its host's memory beside the guest's own, in bytes: what the scheduler counts is what the
 * control group allows.
 *
 * Page tables take 8 bytes for each 4 KiB page (1/512 of the guest); the rest are upper bounds as measured on QEMU 7.2 with
 * the devices named, with room, as exceeding them kills the guest. Rounded up to whole MiB.
 *
 * @param emulated whether the guest's code is translated, for want of KVM
 */
export function vmOverheadBytes(domain: Domain, guestBytes: number, emulated: boolean): number {
  const { devices, firmware } = domain
  let bytes = Math.ceil(guestBytes / 512)
  // QEMU's code, heap and threads' stacks.
  bytes += 96 * MiB
  bytes += 8 * MiB * guestCpus(domain)
  // VGA memory and the VNC server's frame buffers.
  if (devices.autoattachGraphicsDevice !== false) bytes += 32 * MiB
  // The firmware's two flash devices are mapped.
  if (firmware?.bootloader?.efi) bytes += 8 * MiB
  // Each queue and each disk has its buffers.
  bytes += 2 * MiB * ((devices.disks?.length ?? 0) + (devices.interfaces?.length ?? 0))
  // An emulated TPM is a process of its own.
  if (hasTpm(domain)) bytes += 16 * MiB
  const { addedOverhead } = domain.memory?.reservedOverhead ?? {}
  if (addedOverhead !== undefined) bytes += parseBytes(addedOverhead)
  // The translated code, and as much to find it by.
  if (emulated) bytes += 2 * translationCacheBytes(guestBytes)
  return Math.ceil(bytes / MiB) * MiB
}

/**
 * How large the translator's cache of translated code may grow. QEMU's own default of 1 GiB is more than most guests; too
 * small a cache translates again and again.
 */
export function translationCacheBytes(guestBytes: number): number {
  return Math.min(Math.max(Math.ceil(guestBytes / 4 / MiB), 32), 256) * MiB
}
