/** Why a machine or its instance cannot go on; the sentence names the object and the remedy. */
export interface Trouble {
  /** `FailedPvcNotFound`, `DataVolumeError`, `VolumeInUse`, `Unschedulable` and such; `Provisioning` for a wait that ends by itself. */
  reason: string
  message: string
}
