import { column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, having, int32, list, object, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'
import { BackupSpec, Failure } from './virtual-machine-backup.ts'

/** Backups at set times; the oldest go when there are more than are to be kept. */
export const ScheduleVMBackup = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'ScheduleVMBackup',
  description: 'Backups at set times; the oldest go when there are more than are to be kept.',
  plural: 'schedulevmbackups',
  shortNames: ['svmbackup', 'svmbackups'],
  namespaced: true,
  spec: object(
    { cron: text, vmbackup: BackupSpec },
    {
      retain: having(int32, { default: 8, minimum: 2, maximum: 250 }),
      maxFailure: having(int32, { default: 4, minimum: 2 }),
      suspend: having(flag, { default: false }),
    },
  ),
  status: optional({
    suspended: flag,
    failure: int32,
    vmbackupInfo: list(
      optional({
        name: text,
        readyToUse: flag,
        error: Failure,
        volumeBackupInfo: list(optional({ name: text, readyToUse: flag, error: Failure })),
      }),
    ),
    conditions: Conditions,
  }),
  columns: [
    column('Cron', '.spec.cron'),
    column('Retain', '.spec.retain', 'integer'),
    column('MaxFailure', '.spec.maxFailure', 'integer'),
    column('SpecSuspend', '.spec.suspend', 'boolean'),
    column('Source', '.spec.vmbackup.source.name'),
    column('Suspended', '.status.suspended'),
    column('Failure', '.status.failure', 'integer'),
  ],
  check({ spec }): FieldError[] {
    const errors: FieldError[] = []
    const [minute = ''] = spec.cron.trim().split(/\s/)
    if (/^@every|[*?,/-]/.test(minute))
      errors.push({ field: 'spec.cron', message: 'schedule granularity is less than 1h: name one minute of the hour' })
    if ((spec.maxFailure ?? 4) >= (spec.retain ?? 8))
      errors.push({ field: 'spec.maxFailure', message: 'max failure should be less than retain' })
    return errors
  },
  checkUpdate: (next, previous) =>
    next.spec.vmbackup.source.name === previous.spec.vmbackup.source.name
      ? []
      : [{ field: 'spec.vmbackup.source', message: "source vm can't be changed", reason: 'FieldValueForbidden' }],
})
export type ScheduleVMBackup = ObjectOf<typeof ScheduleVMBackup>
