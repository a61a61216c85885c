import type { FieldError } from '../error.ts'
import type { KubeObject } from '../meta.ts'
import { compareQuantities, isQuantity } from '../quantity.ts'
import type { Container } from './container.ts'
import type { PodSpec } from './pod-spec.ts'
import { same } from '../same.ts'

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** What is wrong with a pod's spec. @param at path of the spec, such as `spec` or `spec.template.spec` */
export function checkPodSpec(spec: PodSpec, at: string): FieldError[] {
  const errors: FieldError[] = []
  if (spec.containers.length === 0)
    errors.push({ field: `${at}.containers`, message: 'give at least one container', reason: 'FieldValueRequired' })
  const volumes = new Set<string>()
  for (const [index, { name }] of (spec.volumes ?? []).entries()) {
    const field = `${at}.volumes[${index}].name`
    if (volumes.has(name)) errors.push(duplicate(field, name))
    else if (!label.test(name)) errors.push(badName(field, name))
    volumes.add(name)
  }
  const names = new Set<string>()
  for (const list of ['initContainers', 'containers'] as const)
    for (const [index, container] of (spec[list] ?? []).entries())
      errors.push(...checkContainer(container, `${at}.${list}[${index}]`, names, volumes))
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    errors.push({ field: `${at}.terminationGracePeriodSeconds`, message: 'must not be negative' })
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1)
    errors.push({ field: `${at}.activeDeadlineSeconds`, message: 'must be at least 1' })
  return errors
}

function checkContainer(container: Container, at: string, names: Set<string>, volumes: Set<string>): FieldError[] {
  const errors: FieldError[] = []
  if (!label.test(container.name)) errors.push(badName(`${at}.name`, container.name))
  else if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name))
  names.add(container.name)
  if (!container.image)
    errors.push({ field: `${at}.image`, message: 'name the image to run', reason: 'FieldValueRequired' })
  for (const [index, mount] of (container.volumeMounts ?? []).entries())
    if (!volumes.has(mount.name))
      errors.push({
        field: `${at}.volumeMounts[${index}].name`,
        message: `there is no volume ${JSON.stringify(mount.name)} in the pod's volumes`,
        reason: 'FieldValueNotFound',
      })
  for (const [index, port] of (container.ports ?? []).entries())
    if (port.containerPort < 1 || port.containerPort > 65535)
      errors.push({ field: `${at}.ports[${index}].containerPort`, message: 'must be between 1 and 65535' })
  return [...errors, ...checkResources(container.resources, `${at}.resources`)]
}

/** What is wrong with requests and limits: no quantities, negative, or a request above its limit. */
export function checkResources(resources: PodSpec['resources'], at: string): FieldError[] {
  const errors: FieldError[] = []
  for (const side of ['limits', 'requests'] as const)
    for (const [name, amount] of Object.entries(resources?.[side] ?? {}))
      if (!isQuantity(amount))
        errors.push({
          field: `${at}.${side}[${name}]`,
          message: `${JSON.stringify(amount)} is not a quantity: write for example 500m, 2 or 512Mi`,
        })
      else if (compareQuantities(amount, 0) < 0)
        errors.push({ field: `${at}.${side}[${name}]`, message: 'must not be negative' })
  if (errors.length > 0) return errors
  for (const [name, request] of Object.entries(resources?.requests ?? {})) {
    const limit = resources?.limits?.[name]
    if (isQuantity(limit) && compareQuantities(request, limit) > 0)
      errors.push({ field: `${at}.requests[${name}]`, message: `must be at most the ${name} limit of ${limit}` })
  }
  return errors
}

/** What of a pod's spec may change after it was made: images, deadline, tolerations, gates, node name while unset. */
export function checkPodUpdate<P extends KubeObject & { spec: PodSpec }>(next: P, previous: P): FieldError[] {
  if (same(comparable(next.spec, previous.spec), comparable(previous.spec, previous.spec))) return []
  return [
    {
      field: 'spec',
      message:
        'only images, activeDeadlineSeconds, added tolerations, removed schedulingGates and terminationGracePeriodSeconds may change; delete the pod and make it anew',
      reason: 'FieldValueForbidden',
    },
  ]
}

const changeable = [
  'activeDeadlineSeconds',
  'tolerations',
  'schedulingGates',
  'ephemeralContainers',
  'resources',
  'terminationGracePeriodSeconds',
  'priority',
]

/** A spec without what may change, its fields in one order. */
function comparable(spec: PodSpec, previous: PodSpec): unknown {
  const gated = previous.schedulingGates?.length ? ['nodeSelector', 'affinity'] : []
  const unbound = previous.nodeName ? [] : ['nodeName']
  return {
    ...without(spec, [...changeable, ...gated, ...unbound]),
    containers: spec.containers.map((container) => without(container, ['image', 'resources'])),
    initContainers: spec.initContainers?.map((container) => without(container, ['image', 'resources'])),
  }
}

function without(value: object, names: string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}

function duplicate(field: string, name: string): FieldError {
  return { field, message: `${JSON.stringify(name)} is there twice; names must differ`, reason: 'FieldValueDuplicate' }
}

function badName(field: string, name: string): FieldError {
  return {
    field,
    message: `${JSON.stringify(name)} is no valid name: use up to 63 lower-case letters, digits and '-', not '-' first or last`,
  }
}
