import { age, column } from '../columns.ts'
import { ObjectReference } from '../core/references.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { ObjectMeta } from '../meta.ts'
import { flag, having, int32, int64, list, object, oneOf, optional, text, time } from '../schema.ts'
import { checkJobSpec, fillJobDefaults } from './job.ts'
import { JobSpec } from './job-spec.ts'

/** Jobs at set times. */
export const CronJob = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  description: 'Jobs at set times.',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  spec: object(
    { schedule: text, jobTemplate: object({ spec: JobSpec }, { metadata: ObjectMeta }) },
    {
      timeZone: text,
      startingDeadlineSeconds: int64,
      concurrencyPolicy: having(oneOf('Allow', 'Forbid', 'Replace'), { default: 'Allow' }),
      suspend: having(flag, { default: false }),
      successfulJobsHistoryLimit: having(int32, { default: 3 }),
      failedJobsHistoryLimit: having(int32, { default: 1 }),
    },
  ),
  status: optional({ active: list(ObjectReference), lastScheduleTime: time, lastSuccessfulTime: time }),
  columns: [
    column('Schedule', '.spec.schedule'),
    { name: 'Timezone', path: ({ spec }) => spec.timeZone ?? '<none>' },
    { name: 'Suspend', path: ({ spec }) => (spec.suspend ? 'True' : 'False') },
    { name: 'Active', type: 'integer', path: ({ status }) => status?.active?.length ?? 0 },
    column('Last Schedule', '.status.lastScheduleTime', 'date'),
    age,
  ],
  fillDefaults: (cron) => fillJobDefaults(cron.spec?.jobTemplate?.spec),
  check: ({ spec }) => checkJobSpec(spec.jobTemplate.spec, 'spec.jobTemplate.spec'),
})
export type CronJob = ObjectOf<typeof CronJob>
