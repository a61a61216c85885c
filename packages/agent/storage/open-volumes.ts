/** A volume wherever it is: the driver that keeps it, as in `spec.csi.driver` of its PersistentVolume, and its name there. */
export interface VolumeRef {
  driver: string
  /** `spec.csi.volumeHandle`. */
  handle: string
}

/**
 * What guests of this host have open. Storage asks; whoever runs the guests answers, since only the QEMU that has a volume open may
 * change it.
 */
export interface OpenVolumes {
  /** Grow a volume to so many bytes, so that the guest sees it at once. @returns false when no guest here has it open */
  resize(volume: VolumeRef, bytes: number, signal?: AbortSignal): Promise<boolean>
}

/** Where nothing runs. */
export const noOpenVolumes: OpenVolumes = { resize: () => Promise.resolve(false) }
