import { applyDefaults, prune, validate } from '../schema/structural.ts'
import { decodingProblems, duplicateFields, strictDecodingError } from '../schema/strict.ts'
import { trackUpdate } from '../apply/managed-fields.ts'
import { ApiError, type FieldError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject, ManagedFieldsEntry } from '@thresher/api/meta'
import type { AdmissionRequest, Operation } from '../admission.ts'
import type { ResourceCall } from '../request.ts'
import { mediaType } from '../body/media-type.ts'
import { timeText, type Context } from './context.ts'
import { invalid } from './failures.ts'
import { checkMetadata, parseObject } from './metadata.ts'

/** Which unknown fields are answered with an error, which with a warning. */
type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

function fieldValidation(call: ResourceCall): FieldValidation {
  const asked = call.request.query.get('fieldValidation') || 'Warn'
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked
  throw new ApiError(
    'Invalid',
    `fieldValidation: Unsupported value: ${JSON.stringify(asked)}: supported values: "Ignore", "Strict", "Warn"`,
  )
}

/**
 * Read an object out of a body: of the right kind, its metadata of the right types, unknown fields dropped and reported
 * as `fieldValidation` asks.
 *
 * @throws {ApiError} BadRequest
 */
export function decodeObject(call: ResourceCall, body: unknown): KubeObject {
  const { kind } = call
  const { object, unknown } = parseObject(body)
  if (object.kind !== undefined && object.kind !== '' && object.kind !== kind.kind) {
    throw new ApiError(
      'BadRequest',
      `${object.kind} in version ${JSON.stringify(object.apiVersion ?? '')} cannot be handled as a ${kind.kind}: set kind to ${kind.kind} or send it to its own path`,
    )
  }
  if (object.apiVersion !== undefined && object.apiVersion !== '' && object.apiVersion !== kind.apiVersion) {
    throw new ApiError(
      'BadRequest',
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${kind.apiVersion})`,
    )
  }
  object.apiVersion = kind.apiVersion
  object.kind = kind.kind
  const validation = fieldValidation(call)
  unknown.push(...prune(kind.schema, object))
  if (validation === 'Ignore') return object
  const problems = decodingProblems(unknown, repeatedFields(call)).slice(0, MOST_PROBLEMS)
  if (problems.length > 0 && validation === 'Strict') throw strictDecodingError(kind, problems)
  call.warnings.push(...problems)
  return object
}

const MOST_PROBLEMS = 20

/** The fields that the body has twice; looked for only where the caller says how fields are to be validated. */
function repeatedFields({ request }: ResourceCall): string[] {
  if (!request.body || !request.query.get('fieldValidation')) return []
  if (request.document && !('json' in request.document && request.document.json)) return []
  const first = request.body.find((byte) => byte > 0x20)
  // A list is a JSON patch; YAML with repeated keys is refused by its parser.
  return first === 0x7b && isJson(mediaType(request.headers['content-type']))
    ? duplicateFields(request.body.toString())
    : []
}

function isJson(type: string): boolean {
  return type.endsWith('json') || type.endsWith('yaml')
}

/** Fill defaults in and judge the object by its schema and metadata. @throws {ApiError} Invalid */
export function completeObject(kind: Kind, object: KubeObject, creating: boolean): void {
  applyDefaults(kind.schema, object)
  const name = object.metadata.name ?? ''
  let failure: unknown
  try {
    kind.fillDefaults?.(object as never)
  } catch (error) {
    // A kind's own defaults may stumble over what the schema is about to refuse.
    failure = error
  }
  const errors = [...checkMetadata(kind, object.metadata, creating), ...validate(kind.schema, object)]
  if (errors.length > 0) throw invalid(kind, name, errors)
  if (failure) throw failure
}

/** The kind's own rules. @throws {ApiError} Invalid */
export function judgeObject(kind: Kind, object: KubeObject, previous: KubeObject | undefined): void {
  const errors: FieldError[] = [...(kind.check?.(object as never) ?? [])]
  if (previous) errors.push(...(kind.checkUpdate?.(object as never, previous as never) ?? []))
  if (errors.length > 0) throw invalid(kind, object.metadata.name ?? '', errors)
}

/** What admission took and gives back when the write fails. */
export class Reservations {
  readonly #undo: (() => void)[] = []

  add(undo: () => void): void {
    this.#undo.push(undo)
  }

  release(): void {
    for (const undo of this.#undo.toReversed()) undo()
  }
}

/** Let every admission step change the object. */
export async function mutate(context: Context, request: AdmissionRequest): Promise<void> {
  for (const step of context.admission) if (step.mutate) await step.mutate(request)
}

/** Ask every admission step for its word. @throws {ApiError} what a step throws, or Invalid */
export async function admit(context: Context, request: AdmissionRequest, reservations: Reservations): Promise<void> {
  for (const step of context.admission) {
    const verdict = await step.validate?.(request)
    if (Array.isArray(verdict)) {
      if (verdict.length > 0) throw invalid(request.kind, request.name, verdict)
    } else if (verdict) reservations.add(verdict.undo)
  }
}

/** The admission request of a call. */
export function admissionRequest(
  call: ResourceCall,
  operation: Operation,
  object: KubeObject | undefined,
  oldObject: KubeObject | undefined,
  subresource = '',
): AdmissionRequest {
  const metadata = (object ?? oldObject)?.metadata
  return {
    operation,
    kind: call.kind,
    subresource,
    namespace: metadata?.namespace ?? call.info.namespace,
    name: metadata?.name ?? call.info.name,
    user: call.user,
    object,
    oldObject,
    dryRun: call.dryRun,
    warnings: call.warnings,
  }
}

const LONGEST_MANAGER = 128

/** Under which name a call's fields are booked. @throws {ApiError} Invalid when the name is too long */
export function fieldManager(call: ResourceCall): string {
  const asked = call.request.query.get('fieldManager')
  if (asked) {
    if (asked.length <= LONGEST_MANAGER) return asked
    throw new ApiError('Invalid', `fieldManager: Too long: may not be more than ${LONGEST_MANAGER} bytes`)
  }
  const agent = call.request.headers['user-agent']
  const text = (Array.isArray(agent) ? agent[0] : agent) ?? 'unknown'
  return text.split('/')[0]!.slice(0, LONGEST_MANAGER) || 'unknown'
}

/** Book who set which field. */
export function bookFields(
  context: Context,
  call: ResourceCall,
  before: KubeObject | undefined,
  after: KubeObject,
  subresource = '',
): ManagedFieldsEntry[] {
  return trackUpdate({
    schema: call.kind.schema,
    before,
    after,
    manager: fieldManager(call),
    subresource,
    apiVersion: call.kind.apiVersion,
    now: timeText(context.now()),
    operation: 'Update',
  })
}

/** Whether this kind's objects count changes of what is asked of them. Kubernetes' own kinds without a spec do not. */
export function countsGenerations(kind: Kind): boolean {
  if (kind.schema.properties?.spec) return true
  return kind.origin === 'custom' || (kind.group.includes('.') && !kind.group.endsWith('.k8s.io'))
}

/** The part of an object whose change raises its generation. */
export function desired(kind: Kind, object: KubeObject): unknown {
  const {
    apiVersion: _version,
    kind: _kind,
    metadata: _metadata,
    ...rest
  } = object as unknown as Record<string, unknown>
  if (kind.schema.properties?.spec && kind.origin === 'declared') return rest.spec
  if (kind.subresources?.status) delete rest.status
  return rest
}
