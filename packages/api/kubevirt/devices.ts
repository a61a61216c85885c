import type { Static } from 'typebox'
import { Empty, flag, list, object, optional, text } from '../schema.ts'
import { Disk } from './disk.ts'
import { FeatureState } from './features.ts'
import { Interface } from './interface.ts'

const hostDevice = { deviceName: text, claimName: text, requestName: text, tag: text }

/** All devices of the guest. */
export const Devices = optional({
  disks: list(Disk),
  interfaces: list(Interface),
  filesystems: list(object({ name: text, virtiofs: Empty })),
  inputs: list(object({ name: text, type: text }, { bus: text })),
  hostDevices: list(object({ name: text }, hostDevice)),
  gpus: list(
    object(
      { name: text },
      {
        ...hostDevice,
        virtualGPUOptions: optional({ display: optional({ enabled: flag, ramFB: FeatureState }) }),
      },
    ),
  ),
  watchdog: object({ name: text }, { i6300esb: optional({ action: text }), diag288: optional({ action: text }) }),
  rng: Empty,
  tpm: optional({ enabled: flag, persistent: flag }),
  sound: object({ name: text }, { model: text }),
  video: optional({ type: text }),
  panicDevices: list(optional({ model: text })),
  clientPassthrough: Empty,
  downwardMetrics: Empty,
  autoattachPodInterface: flag,
  autoattachGraphicsDevice: flag,
  autoattachSerialConsole: flag,
  autoattachMemBalloon: flag,
  autoattachInputDevice: flag,
  autoattachVSOCK: flag,
  logSerialConsole: flag,
  disableHotplug: flag,
  blockMultiQueue: flag,
  networkInterfaceMultiqueue: flag,
  useVirtioTransitional: flag,
})
export type Devices = Static<typeof Devices>
