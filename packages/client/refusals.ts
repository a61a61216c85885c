import { isReason } from '@thresher/api/error'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { findCondition, removeCondition, setCondition } from './conditions.ts'
import { isRefusal, RefusedError, type Refusal } from './refused-error.ts'
import type { Subject, SubjectContext, SubjectKind } from './subject.ts'

/** How far up an object's owners a refusal is reported: from a pod to the machine that it is for, and further. */
const ownersReported = 4

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
 * The open refusals of one controller's keys. Each shows as a condition (where the kind has any) and an event on the object at
 * once, and goes from it when a later try succeeds.
 */
export class Refusals {
  readonly #subject: Subject
  readonly #context: SubjectContext
  readonly #open = new Map<string, Refusal>()
  /** What was shown before is another run's: it is over when this run's first try succeeds. */
  readonly #startedMs: number

  constructor(subject: Subject, context: SubjectContext) {
    this.#subject = subject
    this.#context = context
    this.#startedMs = Math.floor(context.now().getTime() / 1000) * 1000
  }

  /** The keys about a namespace, or about objects in it, whose last try was refused. */
  keysIn(namespace: string | undefined): string[] {
    return [...this.#open.keys()].filter((key) => {
      const about = this.#subject.of(key)
      return about?.key.startsWith(`${namespace}/`) || (about?.kind.kind === 'Namespace' && about.key === namespace)
    })
  }

  async show(key: string, { refusal, object: written }: RefusedError): Promise<void> {
    const found = this.#find(key)
    // The object went meanwhile: there is nobody to report to.
    if (!found && this.#subject.of(key)) return
    const isNew = !same(this.#open.get(key), refusal)
    this.#open.set(key, refusal)
    if (isNew) this.#record(found?.object ?? written, refusal)
    if (found && hasConditions(found.kind)) await this.#write(found, refusal)
  }

  /** The key's last try went through: nothing is refused any more. */
  async clear(key: string): Promise<void> {
    const refusal = this.#open.get(key)
    const found = this.#find(key)
    const shown = found && findCondition(conditionsOf(found.object), 'Synchronized')
    // What another wrote into the same condition stays.
    if (found && shown && isRefusal(shown) && (shown.message === refusal?.message || this.#isOlder(shown)))
      await this.#write(found, undefined)
    this.#open.delete(key)
  }

  #isOlder({ lastTransitionTime }: Condition): boolean {
    return Date.parse(lastTransitionTime ?? '') < this.#startedMs
  }

  #find(key: string): Found | undefined {
    const about = this.#subject.of(key)
    const object = about && this.#context.informers.of<KubeObject>(about.kind).get(about.key)
    return object && { kind: about.kind, object }
  }

  /** An event on the object and on those that it was made for, up to the one that its user wrote. */
  #record(first: KubeObject, { reason, message }: Refusal): void {
    let object: KubeObject | undefined = first
    for (let up = 0; object && up <= ownersReported; up++) {
      this.#context.events.record({ object, type: 'Warning', reason, message })
      object = this.#ownerOf(object)
    }
  }

  #ownerOf({ metadata }: KubeObject): KubeObject | undefined {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller)
    if (!owner) return undefined
    const { apiVersion, kind, name, uid } = owner
    const { namespace } = metadata
    const held = this.#context.informers.named(apiVersion, kind)?.get(namespace ? `${namespace}/${name}` : name)
    return held?.metadata.uid === uid ? held : { apiVersion, kind, metadata: { name, namespace, uid } }
  }

  async #write({ kind, object }: Found, refusal: Refusal | undefined): Promise<void> {
    const { client, informers, now } = this.#context
    const status = this.#subject.status
      ? this.#subject.status(object, refusal, this.#context)
      : withRefusal(object.status, refusal, now())
    if (same(status, object.status)) return
    try {
      const next: KubeObject & { status?: object } = { ...object, status }
      informers.of<KubeObject>(kind).observe(await client.resource<KubeObject>(kind).updateStatus(next))
    } catch (error) {
      // Where even the status is refused, the event has said it.
      if (!isReason(error, 'NotFound') && !(error instanceof RefusedError)) throw error
    }
  }
}

interface Found {
  kind: SubjectKind
  object: KubeObject & { status?: object }
}

function hasConditions({ schema, subresources }: SubjectKind): boolean {
  return subresources?.status === true && schema?.properties?.['status']?.properties?.['conditions'] !== undefined
}

function conditionsOf(object: KubeObject | { status?: object | undefined }): Condition[] {
  const { status } = object as { status?: { conditions?: Condition[] } }
  return status?.conditions ?? []
}
