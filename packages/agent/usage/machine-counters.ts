import type { UsageCounters } from '@thresher/api/metrics/usage'
import { cpuTicks, residentBytes, ticksPerSecond, type ProcessIdentity } from '../compute/process-identity.ts'
import type { InterfaceBytes } from './host-counters.ts'

/** Bytes that a guest has read from and written to its disks since QEMU started. */
export interface DiskBytes {
  read: number
  written: number
}

/** What a guest has used since its QEMU started. @param taps the host's ends of its cards */
export function machineCounters(
  process: ProcessIdentity,
  taps: readonly string[],
  disks: DiskBytes,
  interfaces: ReadonlyMap<string, InterfaceBytes>,
): UsageCounters {
  const carried = taps.map((tap) => interfaces.get(tap) ?? { received: 0, sent: 0 })
  return {
    cpu: cpuTicks(process) / ticksPerSecond,
    memory: residentBytes(process.pid),
    diskRead: disks.read,
    diskWrite: disks.written,
    // What the host's end sends is what the guest receives.
    networkReceive: carried.reduce((sum, { sent }) => sum + sent, 0),
    networkTransmit: carried.reduce((sum, { received }) => sum + received, 0),
  }
}
