import type { FieldError } from '../error.ts'
import { busOf } from './device-places.ts'
import type { Disk } from './disk.ts'
import { claimNameOf, isHotpluggable } from './hot-plug.ts'
import type { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'

/**
 * How many bytes of a serial number the guest sees, by bus; QEMU cuts off or refuses what is longer. A SCSI disk shows all of it
 * as its identifier, of which by-id names are made.
 *
 * @see QEMU `VIRTIO_BLK_ID_BYTES` in standard-headers/linux/virtio_blk.h, `scsi_disk_emulate_vpd_page` in hw/scsi/scsi-disk.c and
 * `drive_serial_str` in hw/ide/internal.h. usb-storage makes its SCSI disk itself and gives it no identifier of its own, so
 * `MAX_SERIAL_LEN_FOR_DEVID` holds there.
 */
const serialBytes: Readonly<Record<string, number>> = { virtio: 20, sata: 20, usb: 20, scsi: 247 }

/** How much of it a SCSI disk shows as its serial number. @see QEMU `MAX_SERIAL_LEN` in hw/scsi/scsi-disk.c */
export const scsiSerialBytes = 36

/**
 * The serial number that a disk shows to its guest: its own, else the name of its claim where it can come and go while the
 * guest runs, since that is how its attacher finds it in `/dev/disk/by-id`. None where the bus could not show all of it.
 */
export function diskSerial(spec: Pick<VirtualMachineInstanceSpec, 'volumes'>, disk: Disk): string | undefined {
  if (disk.serial) return disk.serial
  const volume = spec.volumes?.find(({ name }) => name === disk.name)
  if (!volume || !isHotpluggable(volume) || disk.cdrom) return undefined
  const name = claimNameOf(volume)
  return name !== undefined && name.length <= (serialBytes[busOf(disk)] ?? 20) ? name : undefined
}

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
