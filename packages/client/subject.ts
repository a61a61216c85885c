import type { JsonSchema, TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { Client } from './client.ts'
import type { EventRecorder } from './events.ts'
import type { Informers } from './informers.ts'
import type { Objects } from './objects.ts'
import type { KindAddress } from './paths.ts'
import type { Refusal } from './refused-error.ts'

/** What is needed to show a refusal on an object. */
export interface SubjectContext {
  objects: <O extends KubeObject>(kind: TypedKind<O>) => Objects<O>
  client: Client
  informers: Informers
  events: EventRecorder
  now: () => Date
}

/** A kind as far as it is known: of one that was discovered at run time the schema is not. */
export type SubjectKind = KindAddress & { schema?: JsonSchema; subresources?: { status?: boolean } }

/**
 * The objects that a controller's keys are about. What the API refuses of a controller's writes shows on them, so each controller
 * has to name them: {@link subjectIs} for a kind, {@link noSubject} where nobody's object is concerned.
 */
export interface Subject {
  /** The object of a key: its kind, and its key among that kind. */
  of(key: string): { kind: SubjectKind; key: string } | undefined
  /** The object's status with the refusal in it, without one that of an object whose refusal is over; where it says more than the condition. */
  status?(object: KubeObject, refusal: Refusal | undefined, context: SubjectContext): object | undefined
}

/**
 * The keys name objects of this kind.
 *
 * @param status for a kind whose status says more of a refusal than the condition `Synchronized`
 * @param keyOf the object's key among its kind, where the controller's keys are longer; undefined for keys about no object
 */
export function subjectIs<O extends KubeObject & { status?: object }>(
  kind: TypedKind<O>,
  status?: (object: O, refusal: Refusal | undefined, context: SubjectContext) => object | undefined,
  keyOf: (key: string) => string | undefined = (key) => key,
): Subject {
  return {
    of(key) {
      const objectKey = keyOf(key)
      return objectKey === undefined ? undefined : { kind, key: objectKey }
    },
    // The keys name objects of this kind, so the narrower function is safe.
    ...(status ? { status: (object, refusal, context) => status(object as O, refusal, context) } : {}),
  }
}

/** For controllers that write in nobody's name: a refusal is an event on the object of the write itself. */
export const noSubject: Subject = { of: () => undefined }
