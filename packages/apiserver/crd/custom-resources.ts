import type { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import { isReason } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { Objects } from '../auth/objects.ts'
import { deepEqual } from '../schema/clone.ts'
import { cleanupFinalizer, definitionStatus, nameConflict } from './conditions.ts'
import { kindsOf } from './kinds-of.ts'

const definitions = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' }
/** How long after a failed step it is tried again; twice as long after each further failure, up to the second figure. */
const retryMs = 500
const longestRetryMs = 60_000

/** What serves kinds, as far as custom ones need it. */
export interface KindRegistry {
  kinds(): Kind[]
  add(kind: Kind): Promise<void>
  remove(kind: Kind): void
}

/**
 * Serves the kinds that CustomResourceDefinitions define, as long as they are there.
 *
 * Names that another kind has are refused by condition. A definition of a kind that is built in is accepted and changes
 * nothing, so that manifests written for a cluster without our kinds install. A definition that is deleted stays until
 * all objects of its kind are gone.
 */
export class CustomResources {
  readonly #registry: KindRegistry
  readonly #objects: Objects
  readonly #now: () => string
  /** By definition name: what it was made from, and the kinds that are served for it. */
  readonly #served = new Map<string, { spec: unknown; kinds: Kind[] }>()
  readonly #instances = new Map<string, () => void>()
  readonly #stops: (() => void)[] = []
  /** By definition name: how often in a row it failed. */
  readonly #failures = new Map<string, number>()
  #work: Promise<void> = Promise.resolve()
  #closed = false

  /** @param now RFC 3339 with whole seconds */
  constructor(
    registry: KindRegistry,
    objects: Objects,
    now: () => string = () => `${new Date().toISOString().slice(0, 19)}Z`,
  ) {
    this.#registry = registry
    this.#objects = objects
    this.#now = now
  }

  /** Serve what is defined now and from now on. @returns when the kinds defined now are served */
  async start(): Promise<void> {
    this.#stops.push(
      this.#objects.follow<CustomResourceDefinition>(definitions, (change) => this.#enqueue(change.name)),
    )
    await this.#work
  }

  /** Stop following; the kinds stay. */
  close(): void {
    this.#closed = true
    for (const stop of [...this.#stops, ...this.#instances.values()]) stop()
  }

  /** One definition at a time, so that names are given to the first that asks. */
  #enqueue(name: string): void {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return
      try {
        await this.#reconcile(name)
        this.#failures.delete(name)
      } catch (error) {
        // Another server wrote first, or the store is away for a moment; the next change or attempt settles it.
        if (!isReason(error, 'Conflict', 'NotFound', 'ServiceUnavailable'))
          console.error(`the definition ${name} could not be brought into force, trying again: ${String(error)}`)
        const failures = this.#failures.get(name) ?? 0
        this.#failures.set(name, failures + 1)
        const wait = Math.min(retryMs * 2 ** failures, longestRetryMs)
        setTimeout(() => this.#closed || this.#enqueue(name), wait).unref()
      }
    })
  }

  async #reconcile(name: string): Promise<void> {
    const definition = this.#objects.get<CustomResourceDefinition>(definitions, '', name)
    if (!definition) {
      this.#withdraw(name)
      return
    }
    const builtIn = this.#isBuiltIn(definition)
    const own = new Set(this.#served.get(name)?.kinds)
    const others = this.#registry.kinds().filter((kind) => !own.has(kind))
    const conflict = builtIn ? undefined : nameConflict(definition, others)
    if (!builtIn && (!conflict || own.size > 0)) await this.#serve(definition)
    const current = await this.#writeStatus(definition, conflict, builtIn)
    if (current.metadata.deletionTimestamp) await this.#finish(current, builtIn)
  }

  #isBuiltIn({ spec }: CustomResourceDefinition): boolean {
    return this.#registry
      .kinds()
      .some(
        ({ group, plural, origin }) => origin === 'declared' && group === spec.group && plural === spec.names.plural,
      )
  }

  async #serve(definition: CustomResourceDefinition): Promise<void> {
    const name = definition.metadata.name ?? ''
    const before = this.#served.get(name)
    if (before && deepEqual(before.spec, definition.spec)) return
    const kinds = kindsOf(definition)
    const versions = new Set(kinds.map(({ version }) => version))
    for (const kind of before?.kinds ?? []) if (!versions.has(kind.version)) this.#registry.remove(kind)
    // The stored version comes first: the cache of the objects is made for it.
    for (const kind of kinds.toSorted((a, b) => Number(b.storageVersion) - Number(a.storageVersion)))
      await this.#registry.add(kind)
    this.#served.set(name, { spec: definition.spec, kinds })
  }

  #withdraw(name: string): void {
    for (const kind of this.#served.get(name)?.kinds ?? []) this.#registry.remove(kind)
    this.#served.delete(name)
    this.#instances.get(name)?.()
    this.#instances.delete(name)
    // A name that another definition waits for may be free now.
    for (const other of this.#objects.list<CustomResourceDefinition>(definitions)) {
      const refused = other.status?.conditions?.some(
        ({ type, status }) => type === 'NamesAccepted' && status === 'False',
      )
      if (refused) this.#enqueue(other.metadata.name ?? '')
    }
  }

  async #writeStatus(
    definition: CustomResourceDefinition,
    conflict: { reason: string; message: string } | undefined,
    builtIn: boolean,
  ): Promise<CustomResourceDefinition> {
    const status = definitionStatus(definition, conflict, builtIn, this.#now())
    if (deepEqual(status, definition.status)) return definition
    return this.#objects.update<CustomResourceDefinition>(definitions, { ...definition, status }, 'status')
  }

  /** Delete the objects of a definition that is going; when none is left, let it go. */
  async #finish(definition: CustomResourceDefinition, builtIn: boolean): Promise<void> {
    const { metadata, spec } = definition
    const name = metadata.name ?? ''
    const type = { group: spec.group, plural: spec.names.plural }
    if (!builtIn && this.#served.has(name)) {
      const left = [...this.#objects.list(type)]
      if (left.length > 0) {
        if (!this.#instances.has(name))
          this.#instances.set(
            name,
            this.#objects.follow(type, (change) => change.object || this.#enqueue(name)),
          )
        for (const { metadata: one } of left)
          if (!one.deletionTimestamp)
            await this.#objects.delete(type, one.namespace ?? '', one.name ?? '').catch((error: unknown) => {
              if (!isReason(error, 'NotFound')) throw error
            })
        return
      }
    }
    const finalizers = metadata.finalizers?.filter((one) => one !== cleanupFinalizer)
    if (finalizers?.length === metadata.finalizers?.length) return
    await this.#objects.update(definitions, { ...definition, metadata: { ...metadata, finalizers } })
  }
}
