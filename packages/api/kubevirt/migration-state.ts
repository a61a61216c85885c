import type { Static } from 'typebox'
import { flag, int32, int64, labels, list, mapTo, optional, Quantity, text, time } from '../schema.ts'

const where = {
  node: text,
  pod: text,
  domainName: text,
  domainNamespace: text,
  migrationUID: text,
  virtualMachineInstanceUID: text,
  persistentStatePVCName: text,
  selinuxContext: text,
  syncAddress: text,
}

/** How a migration is carried out. Times in seconds unless named otherwise; bandwidth in bytes per second. */
export const MigrationConfiguration = optional({
  allowAutoConverge: flag,
  allowPostCopy: flag,
  allowWorkloadDisruption: flag,
  bandwidthPerMigration: Quantity,
  completionTimeoutPerGiB: int64,
  progressTimeout: int64,
  utilityVolumesTimeout: int64,
  maxDowntimeMs: int64,
  parallelMigrationsPerCluster: int64,
  parallelOutboundMigrationsPerNode: int64,
  disableTLS: flag,
  matchSELinuxLevelOnMigration: flag,
  network: text,
  nodeDrainTaintKey: text,
  unsafeMigrationOverride: flag,
  experimental: optional({
    compression: text,
    downtimeTuning: optional({ initialMs: int64, steps: int32, startAfterIteration: int64, cooldownSeconds: int32 }),
    stallDetector: optional({
      completionTimeoutFactor: Quantity,
      ewmaAlpha: Quantity,
      patienceWindowDecayFactor: Quantity,
      precopyPossibleFactor: Quantity,
      searchLocalMinima: flag,
      stallMargin: int64,
      stallProgressTimeout: int64,
      switchoverTimeout: int64,
    }),
  }),
})

/** A move of a running guest from one node to another, as far as it is. */
export const MigrationState = optional({
  migrationUid: text,
  mode: text,
  startTimestamp: time,
  endTimestamp: time,
  completed: flag,
  failed: flag,
  failureReason: text,
  abortRequested: flag,
  abortStatus: text,
  sourceNode: text,
  sourcePod: text,
  sourcePersistentStatePVCName: text,
  sourceState: optional({ ...where, nodeSelectors: labels }),
  targetNode: text,
  targetPod: text,
  targetNodeAddress: text,
  targetNodeDomainDetected: flag,
  targetNodeDomainReadyTimestamp: time,
  targetNodeTopology: text,
  targetAttachmentPodUID: text,
  targetPersistentStatePVCName: text,
  targetCPUSet: list(int32),
  targetMemoryOverhead: Quantity,
  targetDirectMigrationNodePorts: mapTo(int32),
  targetState: optional({
    ...where,
    attachmentPodUID: text,
    cpuSet: list(int32),
    directMigrationNodePorts: mapTo(int32),
    domainDetected: flag,
    domainReadyTimestamp: time,
    nodeAddress: text,
    nodeTopology: text,
  }),
  migrationConfiguration: MigrationConfiguration,
  migrationNetworkType: text,
  migrationPolicyName: text,
})
export type MigrationState = Static<typeof MigrationState>

/** When each phase began. */
export const PhaseTransitions = list(optional({ phase: text, phaseTransitionTimestamp: time }))
