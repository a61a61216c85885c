import { ApiError, type FieldError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject, ObjectMeta } from '@thresher/api/meta'
import { checkGenerateName, checkName, checkNamespaceName, labelValueProblem, qualifiedNameProblem } from './names.ts'

/** Annotations of one object, keys and values together. */
const ANNOTATION_BYTES = 256 * 1024

type Shape = 'string' | 'integer' | 'strings' | 'texts' | 'objects' | 'time'

const shapes: Record<string, Shape> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  uid: 'string',
  resourceVersion: 'string',
  selfLink: 'string',
  generation: 'integer',
  deletionGracePeriodSeconds: 'integer',
  creationTimestamp: 'time',
  deletionTimestamp: 'time',
  labels: 'strings',
  annotations: 'strings',
  finalizers: 'texts',
  ownerReferences: 'objects',
  managedFields: 'objects',
}

const holds: Record<Shape, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  time: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  integer: (value) => Number.isSafeInteger(value),
  strings: (value) => isRecord(value) && Object.values(value).every((item) => typeof item === 'string'),
  texts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  objects: (value) => Array.isArray(value) && value.every(isRecord),
}

const named: Record<Shape, string> = {
  string: 'a string',
  time: 'a time such as 2026-01-31T12:00:00Z',
  integer: 'an integer',
  strings: 'an object whose values are strings',
  texts: 'a list of strings',
  objects: 'a list of objects',
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Make sure that a body is an object whose metadata has the right types, so that everything after can rely on it.
 *
 * Null and unknown fields of metadata are removed. @returns the removed unknown fields' paths
 * @throws {ApiError} BadRequest naming the field
 */
export function parseObject(value: unknown): { object: KubeObject; unknown: string[] } {
  if (!isRecord(value)) {
    throw new ApiError('BadRequest', 'the body must be a JSON or YAML object with apiVersion, kind and metadata')
  }
  const metadata = (value.metadata ??= {})
  if (!isRecord(metadata)) throw new ApiError('BadRequest', 'metadata must be an object')
  for (const field of ['apiVersion', 'kind']) {
    if (value[field] !== undefined && typeof value[field] !== 'string') {
      throw new ApiError('BadRequest', `${field} must be a string`)
    }
  }
  const unknown: string[] = []
  for (const [field, content] of Object.entries(metadata)) {
    const shape = Object.hasOwn(shapes, field) ? shapes[field] : undefined
    if (shape === undefined || content === null) {
      if (shape === undefined) unknown.push(`metadata.${field}`)
      delete metadata[field]
    } else if (!holds[shape](content)) {
      throw new ApiError('BadRequest', `metadata.${field} must be ${named[shape]}`)
    }
  }
  return { object: value as unknown as KubeObject, unknown }
}

/** The rules for metadata that all kinds share. Names are judged on creation only. */
export function checkMetadata(kind: Kind, metadata: ObjectMeta, creating: boolean): FieldError[] {
  const errors: FieldError[] = []
  if (creating) errors.push(...checkNames(kind, metadata))
  errors.push(...checkPairs(metadata))
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    const problem = finalizer === '' ? 'must be non-empty' : qualifiedNameProblem(finalizer)
    if (problem) {
      errors.push({
        field: `metadata.finalizers[${index}]`,
        message: `Invalid value: ${JSON.stringify(finalizer)}: ${problem}`,
      })
    }
  }
  errors.push(...checkOwners(metadata))
  return errors
}

function checkNames(kind: Kind, metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  if (metadata.generateName && !metadata.name) errors.push(...checkGenerateName(kind, metadata.generateName))
  if (metadata.name) errors.push(...checkName(kind, metadata.name))
  else if (!metadata.generateName) {
    errors.push({
      field: 'metadata.name',
      reason: 'FieldValueRequired',
      message: 'Required value: name or generateName is required',
    })
  }
  if (kind.namespaced) errors.push(...checkNamespaceName(metadata.namespace ?? ''))
  return errors
}

function checkPairs(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    const keyProblem = qualifiedNameProblem(key)
    if (keyProblem)
      errors.push({ field: 'metadata.labels', message: `Invalid value: ${JSON.stringify(key)}: ${keyProblem}` })
    const problem = labelValueProblem(value)
    if (problem)
      errors.push({ field: 'metadata.labels', message: `Invalid value: ${JSON.stringify(value)}: ${problem}` })
  }
  let bytes = 0
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    const problem = qualifiedNameProblem(key.toLowerCase())
    if (problem)
      errors.push({ field: 'metadata.annotations', message: `Invalid value: ${JSON.stringify(key)}: ${problem}` })
    bytes += key.length + value.length
  }
  if (bytes > ANNOTATION_BYTES) {
    errors.push({
      field: 'metadata.annotations',
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${ANNOTATION_BYTES} bytes`,
    })
  }
  return errors
}

function checkOwners(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  const owners = metadata.ownerReferences ?? []
  for (const [index, owner] of owners.entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (typeof owner[field] === 'string' && owner[field] !== '') continue
      errors.push({
        field: `metadata.ownerReferences[${index}].${field}`,
        message: `Invalid value: ${JSON.stringify(owner[field] ?? '')}: ${field === 'apiVersion' ? 'version' : field} must not be empty`,
      })
    }
  }
  if (owners.filter((owner) => owner.controller === true).length > 1) {
    errors.push({
      field: 'metadata.ownerReferences',
      message:
        'Invalid value: only one reference can have controller set to true; set it on the one that manages this object',
    })
  }
  return errors
}
