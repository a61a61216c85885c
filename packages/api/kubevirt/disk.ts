import { type Static } from 'typebox'
import { flag, int32, object, optional, text } from '../schema.ts'
import { FeatureState } from './features.ts'

/** A drive of the guest; the volume of the same name is its medium. */
export const Disk = object(
  { name: text },
  {
    disk: optional({ bus: text, readonly: flag, pciAddress: text }),
    cdrom: optional({ bus: text, readonly: flag, tray: text }),
    lun: optional({ bus: text, readonly: flag, reservation: flag }),
    bootOrder: int32,
    serial: text,
    cache: text,
    io: text,
    errorPolicy: text,
    dedicatedIOThread: flag,
    shareable: flag,
    tag: text,
    changedBlockTracking: flag,
    blockSize: optional({
      custom: optional({ logical: int32, physical: int32, discardGranularity: int32 }),
      matchVolume: FeatureState,
    }),
  },
)
export type Disk = Static<typeof Disk>
