import { checkPodSpec } from '../core/pod-rules.ts'
import { fillPodDefaults } from '../core/pod-defaults.ts'
import type { PodTemplateSpec } from '../core/pod-spec.ts'
import type { FieldError } from '../error.ts'
import type { KubeObject, LabelSelector } from '../meta.ts'
import { same } from '../same.ts'

/** What the workload kinds have in common. */
export type Workload = KubeObject & { spec: { template: PodTemplateSpec; selector: LabelSelector; replicas?: number } }

/** Complete the pod template. */
export function fillWorkload(workload: { spec: { template: PodTemplateSpec } }): void {
  fillPodDefaults(workload.spec?.template?.spec)
}

/** What is wrong with a workload's template and selector. */
export function checkWorkload({ spec }: Workload): FieldError[] {
  const { selector, template, replicas } = spec
  const errors: FieldError[] = []
  if (replicas !== undefined && replicas < 0) errors.push({ field: 'spec.replicas', message: 'must be 0 or more' })
  const wanted = Object.entries(selector.matchLabels ?? {})
  if (wanted.length === 0 && !selector.matchExpressions?.length)
    errors.push({
      field: 'spec.selector',
      message: 'an empty selector takes all pods; name at least one label',
      reason: 'FieldValueRequired',
    })
  if (wanted.some(([key, value]) => template.metadata?.labels?.[key] !== value))
    errors.push({
      field: 'spec.template.metadata.labels',
      message: '`selector` does not match template `labels`; give the template the labels of the selector',
    })
  if (!template.spec)
    return [...errors, { field: 'spec.template.spec', message: 'say what runs', reason: 'FieldValueRequired' }]
  return [...errors, ...checkPodSpec(template.spec, 'spec.template.spec')]
}

/** A workload's selector says which pods are its own, so it stays. */
export function checkSelectorUpdate(next: Workload, previous: Workload): FieldError[] {
  return same(next.spec.selector, previous.spec.selector)
    ? []
    : [
        {
          field: 'spec.selector',
          message: 'field is immutable; delete the object and make it anew with the other selector',
        },
      ]
}

/** The images of a template, for wide tables. */
export function images(template: PodTemplateSpec): string {
  return (template.spec?.containers ?? []).map(({ image }) => image).join(',')
}

/** The container names of a template, for wide tables. */
export function containerNames(template: PodTemplateSpec): string {
  return (template.spec?.containers ?? []).map(({ name }) => name).join(',')
}

/** A label selector as text. */
export function selectorText(selector: LabelSelector | undefined): string {
  const parts = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  for (const { key, operator, values } of selector?.matchExpressions ?? [])
    parts.push(
      operator === 'Exists'
        ? key
        : operator === 'DoesNotExist'
          ? `!${key}`
          : `${key} ${operator.toLowerCase()} (${(values ?? []).join(',')})`,
    )
  return parts.join(',') || '<none>'
}
