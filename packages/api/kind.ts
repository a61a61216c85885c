import type { Static, TObject, TProperties, TSchema } from 'typebox'
import { Type } from './type.ts'
import type { FieldError } from './error.ts'
import { checkInnerFields, innerFields } from './inner-fields.ts'
import { ObjectMeta, type KubeObject } from './meta.ts'
import { quantityWriter } from './quantity.ts'

/**
 * A structural schema: the part of JSON Schema that Kubernetes uses, with its `x-kubernetes-*` extensions.
 * TypeBox schemas and a CustomResourceDefinition's `openAPIV3Schema` are both of this shape.
 */
export interface JsonSchema {
  type?: string
  format?: string
  description?: string
  properties?: Record<string, JsonSchema>
  patternProperties?: Record<string, JsonSchema>
  additionalProperties?: boolean | JsonSchema
  items?: JsonSchema
  required?: string[]
  enum?: unknown[]
  const?: unknown
  default?: unknown
  nullable?: boolean
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number | boolean
  exclusiveMaximum?: number | boolean
  multipleOf?: number
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  minProperties?: number
  maxProperties?: number
  anyOf?: JsonSchema[]
  allOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  not?: JsonSchema
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-preserve-unknown-fields'?: boolean
  'x-kubernetes-embedded-resource'?: boolean
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-map-type'?: 'atomic' | 'granular'
  'x-kubernetes-patch-strategy'?: string
  'x-kubernetes-patch-merge-key'?: string
  'x-kubernetes-validations'?: unknown[]
}

/** A column of `kubectl get`. `path` is a JSONPath (`.status.phase`), or a function where a path cannot say it. */
export interface Column {
  name: string
  type?: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  format?: string
  description?: string
  /** 0 is always shown, above 0 only with `-o wide`. */
  priority?: number
  path: string | ((object: never) => string | number | boolean | undefined)
}

/** Where the scale subresource reads and writes. */
export interface ScalePaths {
  specReplicasPath: string
  statusReplicasPath: string
  labelSelectorPath?: string
}

/** A call of the Kubernetes API that an action stands for; made with the rights of whoever asked for the action. */
export interface ActionCall {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
}

/** An action on an object, for the REST facade: `POST …?action=name`. */
export interface KindAction {
  name: string
  /** Whether it is offered for this object, so that the facade lists it in `actions`. */
  offered?(object: never): boolean
  /** What is missing, for an action that this version cannot do: it is never offered, and asking for it answers this. */
  notBuilt?: string
  /** The calls that carry it out, in order. @throws {ApiError} when the input misses something */
  calls?: (object: never, input: Record<string, unknown>) => ActionCall[]
}

/** All that the server, the clients and the docs need to know of a kind in one version. */
export interface KindOptions {
  /** Empty for the core group. */
  group: string
  version: string
  kind: string
  plural: string
  /** One sentence for people who ask what the kind is: `kubectl explain`. */
  description?: string
  /** The kind in lower case unless said. */
  singular?: string
  shortNames?: string[]
  categories?: string[]
  namespaced: boolean
  /** False for a kind that is only posted and answered (reviews): never stored, listed or watched. */
  stored?: boolean
  /** False where a second version of the same kind is the one that is written to the store. */
  storageVersion?: boolean
  /** The sentence that users of this version are warned with; none where it is not deprecated. */
  deprecation?: string
  subresources?: { status?: boolean; scale?: ScalePaths }
  columns?: Column[]
  /** JSONPaths that `fieldSelector` accepts beside metadata.name and metadata.namespace: `.spec.nodeName`. */
  selectableFields?: string[]
  actions?: KindAction[]
  /** Seconds between a delete and the object's end, where the kind deletes gracefully (Pod: 30). */
  gracePeriodSeconds?(object: never): number
  /** What the schema's `default` cannot say. Changes the object in place; runs before validation. */
  fillDefaults?(object: never): void
  /** Rules for a whole object, on create and update. */
  check?(object: never): FieldError[]
  /** Rules for a change. */
  checkUpdate?(next: never, previous: never): FieldError[]
}

/** A kind as a value: what {@link defineKind} makes, and what a CustomResourceDefinition becomes. */
export interface Kind extends KindOptions {
  singular: string
  /** `v1`, `kubevirt.io/v1`. */
  apiVersion: string
  /** The whole object; `metadata` is validated apart, by the rules that all kinds share. */
  schema: JsonSchema
  origin: 'declared' | 'custom'
}

type Parts<S extends TSchema, T extends TSchema, F extends TProperties> = {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
} & (unknown extends Static<S> ? unknown : { spec: Static<S> }) &
  (unknown extends Static<T> ? unknown : { status?: Static<T> }) &
  Static<TObject<F>>

/** A {@link Kind} that remembers the TypeScript type of its objects. */
export interface TypedKind<O extends KubeObject> extends Kind {
  /** Never set: it only carries the type. */
  readonly objectType?: O
}

/** The objects of a kind: `ObjectOf<typeof Pod>`. */
export type ObjectOf<K> = K extends TypedKind<infer O> ? O : never

/** A {@link KindAction} on objects of a known type. */
export interface TypedAction<O> {
  name: string
  notBuilt?: string
  offered?(object: O): boolean
  calls?(object: O, input: Record<string, unknown>): ActionCall[]
}

type Declaration<S extends TSchema, T extends TSchema, F extends TProperties, O> = Omit<
  KindOptions,
  'fillDefaults' | 'check' | 'checkUpdate' | 'columns' | 'gracePeriodSeconds' | 'actions'
> & {
  spec?: S
  /** True where an object without a spec is accepted; it gets an empty one. */
  specOptional?: boolean
  status?: T
  /** Top-level fields beside spec and status, such as a Secret's data. */
  fields?: F
  columns?: (Omit<Column, 'path'> & { path: string | ((object: O) => string | number | boolean | undefined) })[]
  actions?: TypedAction<O>[]
  gracePeriodSeconds?(object: O): number
  fillDefaults?(object: O): void
  check?(object: O): FieldError[]
  checkUpdate?(next: O, previous: O): FieldError[]
}

/**
 * Declare a kind: from this one value come its TypeScript type, validation, defaults, discovery, OpenAPI, tables and docs.
 *
 * A status schema switches the status subresource on.
 */
export function defineKind<
  S extends TSchema = TSchema,
  T extends TSchema = TSchema,
  F extends TProperties = Record<never, never>,
>(declaration: Declaration<S, T, F, Parts<S, T, F>>): TypedKind<Parts<S, T, F>> {
  const { spec, specOptional, status, fields, ...options } = declaration
  const properties: Record<string, TSchema> = {
    apiVersion: Type.Optional(Type.String()),
    kind: Type.Optional(Type.String()),
    metadata: Type.Optional(ObjectMeta),
    ...fields,
    ...(spec ? { spec: specOptional ? Type.Optional({ ...spec, default: {} }) : spec } : {}),
    ...(status ? { status: Type.Optional(status) } : {}),
  }
  const schema: JsonSchema = { ...(Type.Object(properties) as JsonSchema), description: options.description }
  // Kubernetes stores its own kinds' quantities in canonical form; others keep what was written.
  const ownedByKubernetes = !options.group.includes('.') || options.group.endsWith('.k8s.io')
  const writeQuantities = quantityWriter(schema, ownedByKubernetes)
  const inner = innerFields[`${options.plural}.${options.group}`]
  const declared = options as KindOptions
  return {
    ...(options as KindOptions),
    ...(inner
      ? { check: (object: never) => [...checkInnerFields(inner, object), ...(declared.check?.(object) ?? [])] }
      : {}),
    fillDefaults(object: never) {
      writeQuantities?.(object)
      ;(options as KindOptions).fillDefaults?.(object)
    },
    singular: options.singular ?? options.kind.toLowerCase(),
    apiVersion: options.group ? `${options.group}/${options.version}` : options.version,
    subresources: { status: status !== undefined, ...options.subresources },
    schema,
    origin: 'declared',
  }
}

/** The same kind served in a further version with the same fields; objects are stored in the kind's own version. */
export function servedAs<K extends Kind>(kind: K, version: string): K {
  return { ...kind, version, apiVersion: kind.group ? `${kind.group}/${version}` : version, storageVersion: false }
}
