import { age } from '../columns.ts'
import { fillPodDefaults } from '../core/pod-defaults.ts'
import { checkPodSpec } from '../core/pod-rules.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, type ObjectMeta } from '../meta.ts'
import { int32, optional, set, text, time } from '../schema.ts'
import { JobSpec } from './job-spec.ts'
import { same } from '../same.ts'

/** Pods that run until enough of them have succeeded. */
export const Job = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  description: 'Pods that run until enough of them have succeeded.',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  spec: JobSpec,
  status: optional({
    conditions: Conditions,
    startTime: time,
    completionTime: time,
    active: int32,
    ready: int32,
    terminating: int32,
    succeeded: int32,
    failed: int32,
    completedIndexes: text,
    failedIndexes: text,
    uncountedTerminatedPods: optional({ succeeded: set(text), failed: set(text) }),
  }),
  columns: [
    {
      name: 'Status',
      path({ spec, status, metadata }) {
        const holds = (type: string) => status?.conditions?.some((one) => one.type === type && one.status === 'True')
        if (holds('Complete')) return 'Complete'
        if (holds('Failed')) return 'Failed'
        if (metadata.deletionTimestamp) return 'Terminating'
        return spec.suspend ? 'Suspended' : 'Running'
      },
    },
    {
      name: 'Completions',
      path: ({ spec, status }) =>
        spec.completions === undefined
          ? `${status?.succeeded ?? 0}/1 of ${spec.parallelism ?? 1}`
          : `${status?.succeeded ?? 0}/${spec.completions}`,
    },
    { name: 'Duration', path: ({ status }) => duration(status?.startTime, status?.completionTime) },
    age,
  ],
  fillDefaults: (job) => fillJobDefaults(job.spec, job.metadata),
  check: (job) => checkJobSpec(job.spec, 'spec'),
  checkUpdate(next, previous): FieldError[] {
    return (['selector', 'completionMode', 'template', 'podFailurePolicy', 'successPolicy'] as const)
      .filter((field) => !(field === 'template' && previous.spec.suspend))
      .filter((field) => !same(next.spec[field], previous.spec[field]))
      .map((field) => ({ field: `spec.${field}`, message: 'field is immutable; delete the Job and make it anew' }))
  },
})
export type Job = ObjectOf<typeof Job>

/** Fill what a job's spec leaves open. With `metadata` the selector by the job's uid, once it has one, too. */
export function fillJobDefaults(spec: JobSpec, metadata?: ObjectMeta): void {
  if (typeof spec !== 'object' || spec === null) return
  fillPodDefaults(spec.template?.spec)
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  const uid = metadata?.uid
  if (!uid || spec.manualSelector || spec.selector || typeof spec.template !== 'object') return
  const labels = { 'batch.kubernetes.io/controller-uid': uid, 'controller-uid': uid }
  const named = { 'batch.kubernetes.io/job-name': metadata.name ?? '', 'job-name': metadata.name ?? '' }
  const template = (spec.template.metadata ??= {})
  template.labels = { ...template.labels, ...labels, ...named }
  spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } }
}

/** What is wrong with a job's spec. @param at path of the spec */
export function checkJobSpec(spec: JobSpec, at: string): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['parallelism', 'completions', 'backoffLimit', 'activeDeadlineSeconds'] as const)
    if ((spec[field] ?? 0) < 0) errors.push({ field: `${at}.${field}`, message: 'must be 0 or more' })
  const pod = spec.template.spec
  if (!pod) return [...errors, { field: `${at}.template.spec`, message: 'say what runs', reason: 'FieldValueRequired' }]
  if (pod.restartPolicy === 'Always' || pod.restartPolicy === undefined)
    errors.push({
      field: `${at}.template.spec.restartPolicy`,
      message: 'must be OnFailure or Never, since a job ends',
      reason: 'FieldValueNotSupported',
    })
  return [...errors, ...checkPodSpec(pod, `${at}.template.spec`)]
}

function duration(start: string | undefined, end: string | undefined): string {
  if (!start || !end) return ''
  const seconds = Math.max(0, Math.round((Date.parse(end) - Date.parse(start)) / 1000))
  return seconds < 120 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
