/** Why an instance cannot go on until someone acts; the sentence names the object and the remedy. */
export interface Trouble {
  reason: 'FailedPvcNotFound' | 'DataVolumeError' | 'VolumeInUse' | 'PodMissing' | 'Provisioning'
  message: string
}
