import type { BlockdevOptions } from './volume-driver.ts'

/** A volume wherever it is: the driver that keeps it, as in `spec.csi.driver` of its PersistentVolume, and its name there. */
export interface VolumeRef {
  driver: string
  /** `spec.csi.volumeHandle`. */
  handle: string
}

/** A file that a guest is to write to in place of another, which then never changes again. */
export interface LayerSwitch {
  volume: VolumeRef
  /** The file that the guest writes now. */
  from: string
  /** The nodes of the new file, by the name of the topmost. That has no backing node: QEMU puts the old one there. */
  to(nodeName: string): BlockdevOptions[]
}

/** Two neighbours in the chain of a volume that a guest has open, neither of them the file that it writes. */
export interface LayerMerge {
  volume: VolumeRef
  /** The file whose data go down into {@link base}. */
  top: string
  base: string
  /** What the file above `top` is to name as what it stands on. */
  backingName: string
}

/** It is not known which file a guest writes now: QEMU was told to, and did not answer. */
export class SwitchUnknownError extends Error {
  override readonly name = 'SwitchUnknownError'
}

/** How a switch went. */
export interface SwitchReport {
  /** Handles of the volumes that a guest here has open; they are written in their new files now. */
  switched: string[]
  /** Whether the file systems of every guest stood still meanwhile, held by its agent. */
  frozen: boolean
}

/**
 * What guests of this host have open. Storage asks; whoever runs the guests answers, since only the QEMU that has a volume open may
 * change it.
 */
export interface OpenVolumes {
  /** Grow a volume to so many bytes, so that the guest sees it at once. @returns false when no guest here has it open */
  resize(volume: VolumeRef, bytes: number, signal?: AbortSignal): Promise<boolean>
  /**
   * Let guests write on in new files: all volumes of one guest at one instant.
   *
   * @param freeze hold the guests' file systems still meanwhile, where they have an agent
   * @throws {SwitchUnknownError}, or another error when a guest could not; its volumes are all written in their old files then
   */
  switchLayers(switches: readonly LayerSwitch[], freeze: boolean): Promise<SwitchReport>
  /**
   * Copy the data of one file into the one below it and take it out of the chain, while the guest runs.
   *
   * @param signal gives it up: the chain stays as it is
   * @returns false when no guest here has the volume open
   */
  mergeLayers(merge: LayerMerge, signal: AbortSignal): Promise<boolean>
}

/** Where nothing runs. */
export const noOpenVolumes: OpenVolumes = {
  resize: () => Promise.resolve(false),
  switchLayers: () => Promise.resolve({ switched: [], frozen: false }),
  mergeLayers: () => Promise.resolve(false),
}
