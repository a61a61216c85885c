import type { Static } from 'typebox'
import { int32, int64, labels, list, oneOf, optional, Quantity, text, texts } from '../schema.ts'
import { Conditions } from './condition.ts'
import { Machine } from './domain.ts'
import { MigrationState, PhaseTransitions } from './migration-state.ts'
import { ChangedBlockTracking, MigratedVolumes, VolumeStatus } from './volume-status.ts'

/** The operating system, as the guest agent tells. */
export const GuestOSInfo = optional({
  id: text,
  name: text,
  prettyName: text,
  version: text,
  versionId: text,
  kernelRelease: text,
  kernelVersion: text,
  machine: text,
})

/** One network card of the running guest; `infoSource` says who knows: domain, guest-agent, multus-status. */
export const InterfaceStatus = optional({
  name: text,
  mac: text,
  ipAddress: text,
  ipAddresses: texts,
  interfaceName: text,
  podInterfaceName: text,
  linkState: text,
  queueCount: int32,
  infoSource: text,
})
export type InterfaceStatus = Static<typeof InterfaceStatus>

const checksum = optional({ checksum: int64 })

/** How one run of a virtual machine fares. */
export const VirtualMachineInstanceStatus = optional({
  phase: text,
  phaseTransitionTimestamps: PhaseTransitions,
  reason: text,
  nodeName: text,
  activePods: labels,
  conditions: Conditions,
  interfaces: list(InterfaceStatus),
  volumeStatus: list(VolumeStatus),
  guestOSInfo: GuestOSInfo,
  machine: Machine,
  memory: optional({
    guestAtBoot: Quantity,
    guestRequested: Quantity,
    guestCurrent: Quantity,
    memoryOverhead: Quantity,
  }),
  currentCPUTopology: optional({ sockets: int64, cores: int64, threads: int64 }),
  migrationMethod: text,
  migrationTransport: text,
  migrationState: MigrationState,
  migratedVolumes: MigratedVolumes,
  evacuationNodeName: text,
  fsFreezeStatus: text,
  qosClass: oneOf('Guaranteed', 'Burstable', 'BestEffort'),
  runtimeUser: int64,
  selinuxContext: text,
  launcherContainerImageVersion: text,
  virtualMachineRevisionName: text,
  topologyHints: optional({ tscFrequency: int64 }),
  kernelBootStatus: optional({ kernelInfo: checksum, initrdInfo: checksum }),
  changedBlockTracking: ChangedBlockTracking,
  VSOCKCID: int64,
})
export type VirtualMachineInstanceStatus = Static<typeof VirtualMachineInstanceStatus>
