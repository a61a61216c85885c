import type { Static } from 'typebox'
import { about, flag, int32, object, optional, text } from '../schema.ts'
import { FeatureState } from './features.ts'

/** A drive of the guest; the volume of the same name is its medium. */
export const Disk = object(
  { name: text },
  {
    disk: optional({ bus: text, readonly: flag, pciAddress: text }),
    cdrom: optional({ bus: text, readonly: flag, tray: text }),
    lun: optional({ bus: text, readonly: flag, reservation: flag }),
    bootOrder: about(int32, 'From 1; the lowest is tried first. Disks and interfaces share the order.'),
    serial: about(text, 'The serial number that the guest sees.'),
    cache: about(text, 'none, writeback or writethrough.'),
    io: about(text, 'native, threads or io_uring.'),
    errorPolicy: text,
    dedicatedIOThread: flag,
    shareable: about(flag, 'Whether several machines may use it at once.'),
    tag: text,
    changedBlockTracking: flag,
    blockSize: optional({
      custom: optional({ logical: int32, physical: int32, discardGranularity: int32 }),
      matchVolume: FeatureState,
    }),
  },
)
export type Disk = Static<typeof Disk>
