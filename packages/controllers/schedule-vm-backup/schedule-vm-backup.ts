import { isReason } from '@thresher/api/error'
import { ScheduleVMBackup } from '@thresher/api/harvester/schedule-vm-backup'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import type { Condition } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context, type Result } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'
import { planSchedule, scheduledBackup, scheduleLabel, type SchedulePlan } from './plan.ts'

/** Timers are not set further ahead: clocks are set, and hosts sleep. */
const longestWaitMs = 600_000

/** Makes backups at set times, and lets go of those beyond what is to be kept. */
export const scheduleVMBackupController = defineController({
  name: 'schedule-vm-backup',
  subject: subjectIs(ScheduleVMBackup),
  watches: [
    watch(ScheduleVMBackup),
    watch(
      VirtualMachineBackup,
      ({ metadata }) => {
        const schedule = metadata.labels?.[scheduleLabel]
        return schedule ? [`${metadata.namespace}/${schedule}`] : []
      },
      { schedule: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[scheduleLabel] ?? ''}`] },
    ),
  ],
  async reconcile(key, context): Promise<Result | void> {
    const schedule = context.objects(ScheduleVMBackup).get(key)
    if (!schedule || schedule.metadata.deletionTimestamp) return
    const backups = context.objects(VirtualMachineBackup)
    const now = context.now()
    const plan = planSchedule(schedule, backups.byIndex('schedule', key), now)
    for (const one of plan.gone) await backups.delete(one)
    const failed = plan.due && (await make(schedule, plan.due, context))
    await show(schedule, plan, failed, context)
    if (!plan.next) return
    return { afterMs: Math.min(longestWaitMs, Math.max(1000, plan.next.getTime() - now.getTime())) }
  },
})

/** @returns why it cannot be made, in the API's own sentence */
async function make(schedule: ScheduleVMBackup, due: Date, context: Context): Promise<string | undefined> {
  const backup = scheduledBackup(schedule, due)
  try {
    await context.objects(VirtualMachineBackup).create(backup)
    context.events.record({ object: schedule, reason: 'BackupBegun', message: `${backup.metadata.name} is being made` })
    return undefined
  } catch (error) {
    if (isReason(error, 'AlreadyExists')) return undefined
    if (isReason(error, 'Invalid', 'Forbidden', 'BadRequest')) return (error as Error).message
    throw error
  }
}

async function show(
  schedule: ScheduleVMBackup,
  { status, suspend }: SchedulePlan,
  failed: string | undefined,
  context: Context,
): Promise<void> {
  const before = schedule.status?.conditions as Condition[] | undefined
  const message = `${status.failure} backups failed one after the other; mend what they say, then set spec.suspend to false`
  const suspended = setCondition(
    before,
    {
      type: 'BackupSuspend',
      status: status.suspended ? 'True' : 'False',
      ...(suspend ? { reason: 'Failures', message } : {}),
    },
    context.now(),
  )
  const conditions = setCondition(
    suspended,
    { type: 'Ready', status: failed ? 'False' : 'True', ...(failed ? { reason: 'Refused', message: failed } : {}) },
    context.now(),
  ) as NonNullable<typeof status.conditions>
  const schedules = context.objects(ScheduleVMBackup)
  if (!same({ ...status, conditions }, schedule.status))
    await schedules.updateStatus({ ...schedule, status: { ...status, conditions } })
  if (suspend) {
    await schedules.patch(schedule, { spec: { suspend: true } })
    context.events.record({ object: schedule, type: 'Warning', reason: 'BackupSuspend', message })
  }
}
