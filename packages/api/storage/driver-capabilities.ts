import type { CSIDriver } from './csi-driver.ts'

/** What a driver whose volumes the agents themselves make can do. */
export interface DriverCapabilities {
  /** Where a volume can be used: on the node that made it, or on every node. */
  reach: 'node' | 'cluster'
  /** Volumes can be kept as they were at one moment. */
  snapshots: boolean
  /** A volume can grow while a guest has it open. */
  liveResize: boolean
  /** What keeps two hosts from writing one volume: a lock on its file, a lease that can be taken away, or nothing. */
  exclusiveAccess: 'lock' | 'lease' | 'none'
}

const prefix = 'storage.thresher.io'
const names = {
  reach: `${prefix}/reach`,
  snapshots: `${prefix}/snapshots`,
  liveResize: `${prefix}/live-resize`,
  exclusiveAccess: `${prefix}/exclusive-access`,
} as const

/** The annotations by which a CSIDriver object says it; for {@link capabilitiesOf}. */
export function capabilityAnnotations(capabilities: DriverCapabilities): Record<string, string> {
  return {
    [names.reach]: capabilities.reach,
    [names.snapshots]: String(capabilities.snapshots),
    [names.liveResize]: String(capabilities.liveResize),
    [names.exclusiveAccess]: capabilities.exclusiveAccess,
  }
}

/**
 * What a driver can do, by its CSIDriver object. What it does not say it cannot do.
 *
 * @returns undefined for drivers whose volumes others make, which have no such annotations
 */
export function capabilitiesOf(driver: CSIDriver | undefined): DriverCapabilities | undefined {
  const annotations = driver?.metadata.annotations ?? {}
  const reach = annotations[names.reach]
  if (reach !== 'node' && reach !== 'cluster') return undefined
  const exclusive = annotations[names.exclusiveAccess]
  return {
    reach,
    snapshots: annotations[names.snapshots] === 'true',
    liveResize: annotations[names.liveResize] === 'true',
    exclusiveAccess: exclusive === 'lock' || exclusive === 'lease' ? exclusive : 'none',
  }
}
