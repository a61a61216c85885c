import { isReason } from '@thresher/api/error'
import type { TypedKind } from '@thresher/api/kind'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { findCondition, removeCondition, setCondition } from './conditions.ts'
import type { EventRecorder } from './events.ts'
import type { Objects } from './objects.ts'
import type { Refusal, RefusedError } from './refused-error.ts'

/** What is needed to work out a status that shows a refusal. */
export interface RefusalContext {
  objects: <O extends KubeObject>(kind: TypedKind<O>) => Objects<O>
  events: EventRecorder
  now: () => Date
}

/** Where a controller's refusals show: the objects that its keys name. */
export interface RefusalTarget {
  kind: TypedKind<KubeObject>
  /** The object's status with the refusal in it; without one that of an object whose refusal is over. */
  status(object: KubeObject, refusal: Refusal | undefined, context: RefusalContext): object | undefined
}

/**
 * Show what the API refuses of a controller's writes on the objects that its keys name.
 *
 * @param status for a kind whose status says more of a refusal than the condition `Synchronized`
 */
export function refusalsOn<O extends KubeObject & { status?: object }>(
  kind: TypedKind<O>,
  status: (object: O, refusal: Refusal | undefined, context: RefusalContext) => object | undefined = (
    object,
    refusal,
    { now },
  ) => withRefusal(object.status, refusal, now()),
): RefusalTarget {
  // The keys of the controller name objects of this kind, so the narrower function is safe.
  return {
    kind,
    status: (object, refusal, context) => status(object as O, refusal, context),
  }
}

/** A status with the condition `Synchronized` as the refusal has it, without it when there is none. */
export function withRefusal(status: object | undefined, refusal: Refusal | undefined, now: Date): object {
  const conditions = conditionsOf({ status })
  return {
    ...status,
    conditions: refusal
      ? setCondition(conditions, { type: 'Synchronized', status: 'False', ...refusal }, now)
      : removeCondition(conditions, 'Synchronized'),
  }
}

/**
 * The open refusals of one controller's keys. Each shows as a condition and an event on the object at once, and goes
 * from it when a later try succeeds.
 */
export class Refusals {
  readonly #target: RefusalTarget
  readonly #context: RefusalContext
  readonly #open = new Map<string, Refusal>()

  constructor(target: RefusalTarget, context: RefusalContext) {
    this.#target = target
    this.#context = context
  }

  /** The keys of a namespace whose last try was refused. */
  keysIn(namespace: string | undefined): string[] {
    return [...this.#open.keys()].filter((key) => key.startsWith(`${namespace}/`))
  }

  async show(key: string, { refusal }: RefusedError): Promise<void> {
    const object = this.#context.objects(this.#target.kind).get(key)
    if (!object) return
    const isNew = !same(this.#open.get(key), refusal)
    this.#open.set(key, refusal)
    if (isNew) this.#record(object, refusal)
    await this.#write(object, refusal)
  }

  /** The key's last try went through: nothing is refused any more. */
  async clear(key: string): Promise<void> {
    const refusal = this.#open.get(key)
    if (!refusal) return
    const object = this.#context.objects(this.#target.kind).get(key)
    // What another wrote into the same condition stays.
    const shown = object && findCondition(conditionsOf(object), 'Synchronized')
    if (object && shown?.status === 'False' && shown.message === refusal.message) await this.#write(object, undefined)
    this.#open.delete(key)
  }

  /** An event on the object and on the one that it was made for, which is what its user looks at. */
  #record(object: KubeObject, { reason, message }: Refusal): void {
    const owner = object.metadata.ownerReferences?.find(({ controller }) => controller)
    const { namespace } = object.metadata
    this.#context.events.record({ object, type: 'Warning', reason, message })
    if (!owner) return
    const { apiVersion, kind, name, uid } = owner
    const user = { apiVersion, kind, metadata: { name, namespace, uid } }
    this.#context.events.record({ object: user, type: 'Warning', reason, message })
  }

  async #write(object: KubeObject & { status?: object }, refusal: Refusal | undefined): Promise<void> {
    const status = this.#target.status(object, refusal, this.#context)
    if (same(status, object.status)) return
    try {
      await this.#context.objects(this.#target.kind).updateStatus({ ...object, status } as KubeObject)
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
  }
}

function conditionsOf(object: KubeObject | { status?: object | undefined }): Condition[] {
  const { status } = object as { status?: { conditions?: Condition[] } }
  return status?.conditions ?? []
}
