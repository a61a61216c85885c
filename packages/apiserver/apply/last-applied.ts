import type { JsonSchema } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { isObject } from '../schema/clone.ts'
import { compare } from './compare.ts'
import { difference, emptySet, union, type FieldSet } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'

/** Where kubectl's client-side apply keeps what it applied last. */
const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
/** The manager name of `kubectl apply --server-side`. */
const serverSideKubectl = 'kubectl'

/**
 * The fields that kubectl may take over without force when it moves from client-side to server-side apply: those of its
 * last client-side apply that still have the value it gave them.
 */
export function allowedByLastApplied(schema: JsonSchema, live: KubeObject): FieldSet {
  const last = lastApplied(live)
  if (!last) return emptySet
  const changes = compare(schema, last, live)
  return difference(fieldsOf(schema, last), union(changes.modified, changes.removed))
}

function lastApplied(object: KubeObject): KubeObject | undefined {
  const text = object.metadata.annotations?.[annotation]
  if (!text) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? (value as unknown as KubeObject) : undefined
  } catch {
    return undefined
  }
}

/** Keep the annotation in step when kubectl applies on the server, so that a later client-side apply sees what was applied. */
export function refreshLastApplied(object: KubeObject, manager: string, applied: unknown): KubeObject {
  const annotations = object.metadata.annotations
  if (manager !== serverSideKubectl || annotations?.[annotation] === undefined) return object
  annotations[annotation] = `${JSON.stringify(applied)}\n`
  return object
}
