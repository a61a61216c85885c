import type { Draft } from './draft.ts'
import type { QemuInput } from './input.ts'

/**
 * BIOS needs nothing. UEFI gets its code read-only and its variables as the run's own copy, both as flash.
 *
 * @returns the variables to copy from
 * @see /usr/share/qemu/firmware/*.json of Debian's ovmf for which pairs belong together
 */
export function addFirmware(draft: Draft, { vmi, host, paths }: QemuInput): string | undefined {
  const efi = vmi.spec.domain.firmware?.bootloader?.efi
  if (!efi) return undefined
  const { ovmf } = host
  if (!ovmf) {
    draft.refuse(
      'spec.domain.firmware.bootloader.efi',
      'UEFI is not installed on this node; install the package ovmf, or use bios',
    )
    return undefined
  }
  const kind = efi.secureBoot ? '.ms' : ''
  const code = `${ovmf}/OVMF_CODE_4M${kind}.fd`
  draft.blockdev({ driver: 'file', 'node-name': 'flash0-file', filename: code, 'read-only': true })
  draft.blockdev({ driver: 'raw', 'node-name': 'flash0', file: 'flash0-file', 'read-only': true })
  draft.blockdev({ driver: 'file', 'node-name': 'flash1-file', filename: paths.nvram })
  draft.blockdev({ driver: 'raw', 'node-name': 'flash1', file: 'flash1-file' })
  draft.add('-machine', 'pflash0=flash0,pflash1=flash1')
  // Only code in system management mode may write the variables, so that a guest cannot switch secure boot off.
  if (efi.secureBoot) draft.add('-global', 'driver=cfi.pflash01,property=secure,value=on')
  draft.files.push({ path: code, access: 'read' }, { path: paths.nvram, access: 'write' })
  return `${ovmf}/OVMF_VARS_4M${kind}.fd`
}
