import type { FieldError } from '../error.ts'
import { busOf } from './device-places.ts'
import type { Disk } from './disk.ts'

/**
 * How many bytes of a serial number the guest sees, by bus; QEMU cuts off or refuses what is longer.
 *
 * @see QEMU `VIRTIO_BLK_ID_BYTES` in standard-headers/linux/virtio_blk.h, `MAX_SERIAL_LEN` in hw/scsi/scsi-disk.c and
 * `drive_serial_str` in hw/ide/internal.h. usb-storage makes its SCSI disk itself and gives it no identifier of its own, so
 * `MAX_SERIAL_LEN_FOR_DEVID` holds there.
 */
const serialBytes: Readonly<Record<string, number>> = { virtio: 20, sata: 20, usb: 20, scsi: 36 }

/**
 * What is wrong with the serial numbers of a machine's disks: a guest tells disks apart by them, in `/dev/disk/by-id`.
 *
 * @param at path of the list
 */
export function checkSerials(disks: readonly Disk[], at: string): FieldError[] {
  const seen = new Map<string, string>()
  return disks.flatMap((disk, index): FieldError[] => {
    const { serial } = disk
    if (!serial) return []
    const field = `${at}[${index}].serial`
    if (!/^[A-Za-z0-9_.+-]*$/.test(serial)) return [{ field, message: "use letters, digits and '_', '.', '+', '-'" }]
    const bus = busOf(disk)
    const most = serialBytes[bus] ?? 20
    if (serial.length > most)
      return [
        {
          field,
          message: `has ${serial.length} characters; a disk on ${bus} shows at most ${most} of them to the guest: shorten it`,
          reason: 'FieldValueTooLong',
        },
      ]
    const other = seen.get(serial)
    seen.set(serial, disk.name)
    if (other === undefined) return []
    return [
      {
        field,
        message: `${serial} is the serial number of the disk ${other}; give each disk its own`,
        reason: 'FieldValueDuplicate',
      },
    ]
  })
}
