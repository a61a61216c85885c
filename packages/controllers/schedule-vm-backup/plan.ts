import type { ScheduleVMBackup } from '@thresher/api/harvester/schedule-vm-backup'
import type { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { Cron } from 'croner'

type Status = NonNullable<ScheduleVMBackup['status']>

/** On what a schedule has made: its name, and for when it was. */
export const scheduleLabel = 'backup.thresher.io/schedule'
export const dueAnnotation = 'backup.thresher.io/due'

export interface SchedulePlan {
  status: Status
  /** For when a backup is to be made now. */
  due?: Date
  /** Backups that are not kept any longer. */
  gone: VirtualMachineBackup[]
  /** When to look again. */
  next?: Date
  /** The schedule is to stop, because that many of its backups failed one after the other. */
  suspend?: boolean
}

/**
 * What a schedule's backups come to. Times are in UTC. What was missed while nothing ran is made up for once. Pure.
 *
 * @param backups those that the schedule made
 */
export function planSchedule(
  schedule: ScheduleVMBackup,
  backups: readonly VirtualMachineBackup[],
  now: Date,
): SchedulePlan {
  const { spec } = schedule
  const newestFirst = backups.toSorted((a, b) => dueOf(b).getTime() - dueOf(a).getTime())
  // Whoever suspended it, or the failures did: when it goes on, what failed before counts no longer, and goes.
  const resumed = schedule.status?.suspended === true && spec.suspend !== true
  const failure = resumed ? 0 : failuresOf(newestFirst)
  const suspended = spec.suspend === true
  const status: Status = { ...schedule.status, suspended, failure, vmbackupInfo: newestFirst.map(infoOf) }
  const failed = resumed ? newestFirst.filter(({ status }) => status?.error?.message && !status.readyToUse) : []
  const gone = [...new Set([...failed, ...beyond(newestFirst, spec.retain ?? 8)])]
  if (suspended) return { status, gone }
  if (failure >= (spec.maxFailure ?? 4)) return { status: { ...status, suspended: true }, gone, suspend: true }
  const [latest] = newestFirst
  const from = latest ? dueOf(latest) : new Date(schedule.metadata.creationTimestamp ?? now)
  const cron = new Cron(spec.cron, { timezone: 'UTC' })
  const due = latestDue(cron, from, now)
  const next = cron.nextRun(now) ?? undefined
  // One at a time: the next waits for the one that is being made, and is not lost.
  const busy = latest !== undefined && !latest.status?.readyToUse && !latest.status?.error?.message
  return { status, gone, next, ...(due && !busy ? { due } : {}) }
}

/** The last time that was due after `from` and up to `now`. */
function latestDue(cron: Cron, from: Date, now: Date): Date | undefined {
  let due: Date | undefined
  for (let next = cron.nextRun(from); next && next <= now; next = cron.nextRun(next)) due = next
  return due
}

export function dueOf({ metadata }: VirtualMachineBackup): Date {
  return new Date(metadata.annotations?.[dueAnnotation] ?? metadata.creationTimestamp ?? 0)
}

/** The failures since the last success; the one that is being made is neither. */
function failuresOf(newestFirst: readonly VirtualMachineBackup[]): number {
  let failures = 0
  for (const { status } of newestFirst) {
    if (status?.readyToUse) break
    if (status?.error?.message) failures++
  }
  return failures
}

/** Beyond the newest good ones; and failed ones, once a newer one is good. */
function beyond(newestFirst: readonly VirtualMachineBackup[], retain: number): VirtualMachineBackup[] {
  const good = newestFirst.filter(({ status }) => status?.readyToUse)
  const newestGood = good[0] && newestFirst.indexOf(good[0])
  const stale = newestFirst.filter(
    ({ status }, index) => !status?.readyToUse && newestGood !== undefined && index > newestGood,
  )
  return [...good.slice(retain), ...stale].filter(({ metadata }) => !metadata.deletionTimestamp)
}

function infoOf({ metadata, status }: VirtualMachineBackup): NonNullable<Status['vmbackupInfo']>[number] {
  return {
    name: metadata.name,
    readyToUse: status?.readyToUse ?? false,
    ...(status?.error ? { error: status.error } : {}),
    volumeBackupInfo: (status?.volumeBackups ?? []).map(({ name, readyToUse, error }) => ({
      name,
      readyToUse: readyToUse ?? false,
      ...(error ? { error } : {}),
    })),
  }
}

/** A schedule's backup, named for the time it is due: made twice, it is the same. Pure. */
export function scheduledBackup({ metadata, spec }: ScheduleVMBackup, due: Date): VirtualMachineBackup {
  const stamp = due.toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '.')
  return {
    apiVersion: 'harvesterhci.io/v1beta1',
    kind: 'VirtualMachineBackup',
    metadata: {
      name: `${metadata.name}-${stamp}`.toLowerCase(),
      namespace: metadata.namespace,
      labels: { [scheduleLabel]: metadata.name ?? '' },
      annotations: { [dueAnnotation]: due.toISOString() },
    },
    spec: spec.vmbackup,
  }
}
