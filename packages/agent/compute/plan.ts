import type { DevicePlaces } from '@thresher/api/kubevirt/device-places'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { PodNic } from '@thresher/api/pod-network'
import type { VolumeId } from '../storage/volume-driver.ts'
import type { SeedFiles } from './seed-image.ts'

/** A claim's volume on this host, under the volume's name in the VMI. */
export interface PlannedVolume {
  name: string
  id: VolumeId
  readOnly: boolean
  /** Whether guests beside this one may have it open. */
  shared: boolean
}

/** A small CD-ROM with configuration, made for this run. */
export interface PlannedSeed {
  name: string
  label: string
  files: SeedFiles
}

/** An empty disk that lasts as long as the run. */
export interface PlannedScratch {
  name: string
  bytes: number
}

/** All that a run needs, as the API had it: every claim bound, every card's port known, every secret read. */
export interface RunPlan {
  vmi: VirtualMachineInstance
  pod: { name: string; uid: string }
  /** As `Pod.spec.priority`; among starts that wait, the higher goes first. */
  priority?: number
  volumes: PlannedVolume[]
  seeds: PlannedSeed[]
  scratch: PlannedScratch[]
  nics: PodNic[]
  /** What the pod may use of memory, in bytes; at least what the machine needs. */
  memoryLimitBytes?: number
  /** Where each device sits. */
  places: DevicePlaces
}
