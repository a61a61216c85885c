import { isDeepStrictEqual } from 'node:util'
import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import { compareQuantities, subtractQuantities } from '@thresher/api/quantity'
import type { AdmissionRequest } from '../../admission.ts'
import type { Change, Objects, ResourceType } from '../../auth/objects.ts'
import { refuse } from '../refuse.ts'
import { inScope, type Quota } from './scopes.ts'
import { addAmounts, usageOf, type Amounts, type CountedPod } from './usage.ts'

const quotas: ResourceType = { group: '', plural: 'resourcequotas' }
/** Kinds whose deletions and changes free something, beside those that a quota names by `count/…`. */
const counted: ResourceType[] = [
  'pods',
  'persistentvolumeclaims',
  'services',
  'secrets',
  'configmaps',
  'replicationcontrollers',
].map((plural) => ({ group: '', plural }))
const recountDelayMs = 100
const reservationMs = 60_000
const tries = 20

/** Something that was let through and may not be in the caches yet. */
interface Reservation {
  type: ResourceType
  name: string
  object: KubeObject
  /** The version that an update started from. */
  from?: string
  until: number
}

interface Waiting {
  request: AdmissionRequest
  type: ResourceType
  resolve(booked: boolean): void
  reject(error: unknown): void
  failure?: unknown
  booked: boolean
}

/**
 * Books what objects take from the quotas of their namespaces.
 *
 * What is used stands in each quota's status and is raised there, by compare and swap, before an object is stored: so
 * parallel writes cannot exceed a quota together, also through several servers. Requests that wait for the same namespace
 * are booked with one write. What deletions and failed writes leave behind is put right by counting anew.
 */
export class QuotaLedger {
  readonly #objects: () => Objects
  readonly #onError: (error: unknown) => void
  readonly #waiting = new Map<string, Waiting[]>()
  /** The work under way for each namespace: bookings and counts take turns. */
  readonly #busy = new Map<string, Promise<void>>()
  /** By namespace, then by kind and name. */
  readonly #reservations = new Map<string, Map<string, Reservation>>()
  /** Namespaces whose count waits for its turn. */
  readonly #recounting = new Set<string>()
  readonly #recounts = new Map<string, NodeJS.Timeout>()

  constructor(objects: () => Objects, onError: (error: unknown) => void) {
    this.#objects = objects
    this.#onError = onError
  }

  /**
   * Book what a write takes.
   *
   * @returns gives it back when the write fails after all; undefined when no quota counts it
   * @throws {ApiError} Forbidden, with the quota and the amounts
   */
  async book(request: AdmissionRequest): Promise<{ undo: () => void } | undefined> {
    if (!request.object || request.namespace === '' || this.#quotas(request.namespace).length === 0) return undefined
    const type = { group: request.kind.group, plural: request.kind.plural }
    const booked = await new Promise<boolean>((resolve, reject) => {
      const queue = this.#waiting.get(request.namespace) ?? []
      this.#waiting.set(request.namespace, queue)
      queue.push({ request, type, resolve, reject, booked: false })
      void this.#inTurn(request.namespace, () => this.#bookAll(request.namespace))
    })
    if (!booked) return undefined
    return {
      undo: () => {
        this.#reservations.get(request.namespace)?.delete(keyOf(type, request.name))
        // Whoever asks next finds it given back: counting takes its turn before the next booking.
        this.#recountNow(request.namespace)
      },
    }
  }

  /** Count anew after everything that frees something. @returns a function that stops it */
  follow(objects: Objects): () => void {
    const stops = new Map<string, () => void>()
    const watch = (type: ResourceType) => {
      const key = `${type.group}/${type.plural}`
      if (stops.has(key)) return
      stops.set(key, () => undefined)
      stops.set(
        key,
        objects.follow(type, (change) => {
          if (this.#quotas(change.namespace).length === 0) return
          this.#landed(type, change)
          const { object, previous } = change
          if (object && previous && isDeepStrictEqual(usageOf(type, object), usageOf(type, previous))) return
          this.#recountSoon(change.namespace)
        }),
      )
    }
    const stop = objects.follow<Quota>(quotas, ({ object, previous, namespace }) => {
      for (const name of Object.keys(object?.spec?.hard ?? {})) if (name.startsWith('count/')) watch(countedType(name))
      if (!object || !isDeepStrictEqual(object.spec, previous?.spec)) this.#recountSoon(namespace)
    })
    for (const type of counted) watch(type)
    return () => {
      stop()
      for (const end of stops.values()) end()
      for (const timer of this.#recounts.values()) clearTimeout(timer)
      this.#recounts.clear()
    }
  }

  /** Write into each quota's status what is used now. */
  recount(namespace: string): Promise<void> {
    return this.#inTurn(namespace, async () => {
      this.#recounting.delete(namespace)
      for (const { metadata } of this.#quotas(namespace))
        await this.#write(namespace, metadata.name ?? '', (quota) => this.#count(namespace, quota))
    })
  }

  async #bookAll(namespace: string): Promise<void> {
    const batch = this.#waiting.get(namespace) ?? []
    this.#waiting.delete(namespace)
    if (batch.length === 0) return
    try {
      for (const { metadata } of this.#quotas(namespace)) {
        await this.#write(namespace, metadata.name ?? '', (quota) => {
          let used = quota.status?.used ?? this.#count(namespace, quota)
          for (const waiting of batch) {
            if (waiting.failure) continue
            const after = this.#tryBook(quota, used, waiting)
            if (after && !waiting.request.dryRun) used = after
          }
          return used
        })
      }
    } catch (error) {
      for (const waiting of batch) waiting.failure ??= error
    }
    for (const waiting of batch) {
      const { request, type, booked } = waiting
      const reserves = booked && !request.dryRun && !waiting.failure
      if (reserves) this.#reserve(request, type)
      if (!waiting.failure) waiting.resolve(reserves)
      else {
        if (waiting.booked) this.#recountSoon(namespace)
        waiting.reject(waiting.failure)
      }
    }
  }

  /** What is used after this request; undefined when the quota does not count it or it has failed. */
  #tryBook(quota: Quota, used: Amounts, waiting: Waiting): Amounts | undefined {
    const { request, type } = waiting
    const hard = quota.spec?.hard ?? {}
    const { object, oldObject } = request
    if (!object) return undefined
    const before = oldObject && inScope(quota, type, oldObject) ? usageOf(type, oldObject) : {}
    const after = inScope(quota, type, object) ? usageOf(type, object) : {}
    const more: Amounts = {}
    for (const name of Object.keys(hard)) {
      const rise = subtractQuantities(after[name] ?? '0', before[name] ?? '0')
      if (compareQuantities(rise, '0') > 0) more[name] = rise
    }
    const { name = '' } = quota.metadata
    if (request.operation === 'CREATE' && inScope(quota, type, object)) {
      const missing = missingAmounts(hard, type, object)
      if (missing) {
        waiting.failure = refuse(request, `failed quota: ${name}: must specify ${missing}`)
        return undefined
      }
    }
    if (Object.keys(more).length === 0) return undefined
    const next = addAmounts(used, more)
    const over = Object.keys(more).filter(
      (resource) => compareQuantities(next[resource] ?? '0', hard[resource] ?? '0') > 0,
    )
    if (over.length > 0) {
      waiting.failure = refuse(
        request,
        `exceeded quota: ${name}, requested: ${print(more, over)}, used: ${print(used, over)}, limited: ${print(hard, over)}`,
      )
      return undefined
    }
    waiting.booked = true
    return next
  }

  #count(namespace: string, quota: Quota): Amounts {
    const hard = Object.keys(quota.spec?.hard ?? {})
    const objects = this.#objects()
    const types = new Map([...counted, quotas].map((type) => [`${type.group}/${type.plural}`, type]))
    for (const type of hard.filter((name) => name.startsWith('count/')).map(countedType))
      types.set(`${type.group}/${type.plural}`, type)
    const reserved = this.#stillReserved(namespace)
    let sum: Amounts = {}
    for (const type of types.values()) {
      if (!hard.some((name) => mayCount(name, type))) continue
      const add = (object: KubeObject) => {
        if (inScope(quota, type, object)) sum = addAmounts(sum, usageOf(type, object))
      }
      const inFlight = new Map(
        reserved
          .filter((one) => one.type.group === type.group && one.type.plural === type.plural)
          .map((one) => [one.name, one.object]),
      )
      for (const object of objects.list(type, namespace)) {
        add(inFlight.get(object.metadata.name ?? '') ?? object)
        inFlight.delete(object.metadata.name ?? '')
      }
      for (const object of inFlight.values()) add(object)
    }
    return Object.fromEntries(hard.map((name) => [name, sum[name] ?? '0']))
  }

  #reserve(request: AdmissionRequest, type: ResourceType): void {
    const { namespace, name, object, oldObject } = request
    if (!object) return
    let held = this.#reservations.get(namespace)
    if (!held) this.#reservations.set(namespace, (held = new Map()))
    held.set(keyOf(type, name), {
      type,
      name,
      object,
      from: oldObject?.metadata.resourceVersion,
      until: performance.now() + reservationMs,
    })
  }

  /** What was reserved is in the caches now, or has even gone again. */
  #landed(type: ResourceType, change: Change): void {
    const held = this.#reservations.get(change.namespace)
    const reservation = held?.get(keyOf(type, change.name))
    if (!reservation) return
    const isOwn = reservation.from === undefined || change.object?.metadata.resourceVersion !== reservation.from
    if (isOwn) held?.delete(keyOf(type, change.name))
  }

  /** Reservations whose write is not in the caches yet; those that were never written are forgotten after a while. */
  #stillReserved(namespace: string): Reservation[] {
    const held = this.#reservations.get(namespace)
    for (const [key, reservation] of held ?? []) if (reservation.until < performance.now()) held?.delete(key)
    if (held?.size === 0) this.#reservations.delete(namespace)
    return [...(held?.values() ?? [])]
  }

  async #write(namespace: string, name: string, next: (quota: Quota) => Amounts): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const quota = this.#objects().get<Quota>(quotas, namespace, name)
      if (!quota || quota.metadata.deletionTimestamp) return
      const used = next(quota)
      const status = {
        hard: quota.spec?.hard ?? {},
        used: Object.fromEntries(Object.keys(quota.spec?.hard ?? {}).map((key) => [key, used[key] ?? '0'])),
      }
      if (isDeepStrictEqual(status, quota.status)) return
      try {
        await this.#objects().update<Quota>(quotas, { ...quota, status }, 'status')
        return
      } catch (error) {
        if (isReason(error, 'NotFound')) return
        if (!isReason(error, 'Conflict')) throw error
        if (attempt === tries)
          throw new ApiError(
            'ServerTimeout',
            `the quota ${namespace}/${name} changes too often to book on it; try again`,
            { cause: error, details: { retryAfterSeconds: 1 } },
          )
        // The cache is behind another server's write; it comes within moments.
        await new Promise((resume) => setTimeout(resume, attempt))
      }
    }
  }

  #recountNow(namespace: string): void {
    if (this.#recounting.has(namespace)) return
    this.#recounting.add(namespace)
    this.recount(namespace).catch(this.#onError)
  }

  #recountSoon(namespace: string): void {
    if (this.#recounts.has(namespace)) return
    const timer = setTimeout(() => {
      this.#recounts.delete(namespace)
      this.recount(namespace).catch(this.#onError)
    }, recountDelayMs)
    timer.unref()
    this.#recounts.set(namespace, timer)
  }

  #inTurn(namespace: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#busy.get(namespace) ?? Promise.resolve()).catch(() => undefined).then(work)
    this.#busy.set(namespace, turn)
    const forget = () => {
      if (this.#busy.get(namespace) === turn) this.#busy.delete(namespace)
    }
    turn.then(forget, forget)
    return turn
  }

  #quotas(namespace: string): Quota[] {
    return [...this.#objects().list<Quota>(quotas, namespace)]
  }
}

const keyOf = (type: ResourceType, name: string): string => `${type.group}/${type.plural}/${name}`

/** `count/deployments.apps` → the kind that it counts. */
function countedType(name: string): ResourceType {
  const [plural = '', ...group] = name.slice('count/'.length).split('.')
  return { group: group.join('.'), plural }
}

/** Whether a quota on `name` can be touched by objects of this kind. */
function mayCount(name: string, type: ResourceType): boolean {
  if (name.startsWith('count/')) {
    const own = countedType(name)
    return own.group === type.group && own.plural === type.plural
  }
  switch (type.plural) {
    case 'pods':
      return name === 'pods' || /^(requests|limits)\.|^(cpu|memory|ephemeral-storage)$/.test(name)
    case 'persistentvolumeclaims':
      return (
        name === 'persistentvolumeclaims' ||
        name.endsWith('requests.storage') ||
        name.endsWith('/persistentvolumeclaims')
      )
    default:
      return name === type.plural || name.startsWith(`${type.plural}.`)
  }
}

/** Which amounts a pod must name because a quota limits them, with the containers that do not. */
function missingAmounts(hard: Amounts, type: ResourceType, object: KubeObject): string | undefined {
  if (type.group !== '' || type.plural !== 'pods') return undefined
  const missing: string[] = []
  for (const name of Object.keys(hard).sort()) {
    const match = /^(?:(requests|limits)\.)?(cpu|memory)$/.exec(name)
    if (!match) continue
    const which = (match[1] ?? 'requests') as 'requests' | 'limits'
    const resource = match[2] as string
    const without = ((object as CountedPod).spec?.containers ?? [])
      .filter(
        ({ resources }) =>
          resources?.[which]?.[resource] === undefined &&
          (which === 'limits' || resources?.limits?.[resource] === undefined),
      )
      .map((container) => container.name)
    if (without.length > 0) missing.push(`${name} for: ${without.join(',')}`)
  }
  return missing.length > 0 ? missing.join('; ') : undefined
}

function print(amounts: Amounts, names: string[]): string {
  return names
    .sort()
    .map((name) => `${name}=${amounts[name] ?? '0'}`)
    .join(',')
}
