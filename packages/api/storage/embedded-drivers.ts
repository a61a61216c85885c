import { localDriver } from '../names.ts'
import type { DriverCapabilities } from './driver-capabilities.ts'

/** The drivers that the agents bring along, by the name that classes and volumes give, a line each. */
export const embeddedDrivers: Readonly<Record<string, DriverCapabilities>> = {
  [localDriver]: { reach: 'node', snapshots: true, liveResize: true, exclusiveAccess: 'lock' },
}
