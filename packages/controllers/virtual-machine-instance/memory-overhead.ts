import type { Domain } from '@thresher/api/kubevirt/domain'
import { guestCpus } from '@thresher/api/kubevirt/guest-memory'

const MiB = 1024 * 1024

/**
 * What a machine takes of its host's memory beside the guest's own, in bytes.
 *
 * Page tables take 8 bytes for each 4 KiB page (1/512 of the guest); the rest are upper bounds as measured on QEMU 7.2 with
 * the devices named. Rounded up to whole MiB.
 */
export function memoryOverheadBytes(domain: Domain, guestBytes: number): number {
  const { devices, firmware } = domain
  let bytes = Math.ceil(guestBytes / 512)
  // QEMU's code, heap and threads' stacks.
  bytes += 64 * MiB
  bytes += 8 * MiB * guestCpus(domain)
  // VGA memory and the VNC server's frame buffers.
  if (devices.autoattachGraphicsDevice !== false) bytes += 32 * MiB
  // The firmware's two flash devices are mapped.
  if (firmware?.bootloader?.efi) bytes += 8 * MiB
  // Each queue and each disk has its buffers.
  bytes += 2 * MiB * ((devices.disks?.length ?? 0) + (devices.interfaces?.length ?? 0))
  // An emulated TPM is a process of its own.
  if (devices.tpm) bytes += 16 * MiB
  return Math.ceil(bytes / MiB) * MiB
}
