import { decodeEntry, requireJson, type Entry } from './entry.ts'
import { EventWindow, defaultWindow, type WindowLimits } from './event-window.ts'
import type { StoreEvent, UnreadableValue } from './store/store.ts'

/**
 * After watchers were told, nothing more is told for this many times as long as that took. Who falls behind so gets
 * several changes in one write, which costs little more than one change does; a change after a pause goes out at once.
 */
const REST_FACTOR = 4
const LONGEST_REST_MS = 20

/**
 * All objects of a kind in memory, and its recent changes.
 *
 * Lists and watches are served from here alone. The store's events come in by {@link apply}, in revision order.
 */
export class WatchCache {
  /** What the keys of these objects begin with in the store: `/apps/deployments/`. */
  readonly storePrefix: string
  /** The JSON in front of each object's metadata, in the version that is stored. */
  readonly jsonPrefix: string
  readonly #limits: WindowLimits
  readonly #entries = new Map<string, Entry>()
  /** By key, what is in the store and cannot be read. */
  readonly #unreadable = new Map<string, UnreadableValue>()
  readonly #listeners = new Set<() => void>()
  readonly #endings = new Set<() => void>()
  #sorted: Entry[] = []
  #changed = new Set<string>()
  #past: { revision: number; entries: Entry[] } | undefined
  #bytes = 0
  #window: EventWindow
  #revision = 0
  #restUntil = 0
  #resting: NodeJS.Timeout | undefined

  constructor(storePrefix: string, jsonPrefix: string, limits: WindowLimits = defaultWindow) {
    this.storePrefix = storePrefix
    this.jsonPrefix = jsonPrefix
    this.#limits = limits
    this.#window = new EventWindow(0, limits)
  }

  get window(): EventWindow {
    return this.#window
  }

  get size(): number {
    return this.#entries.size
  }

  /** Bytes of JSON held, without the window's. */
  get bytes(): number {
    return this.#bytes
  }

  /** The store's revision of the last change of this kind; 0 before there was one since loading. */
  get revision(): number {
    return this.#revision
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** How many objects are in the store and cannot be read. */
  get unreadableCount(): number {
    return this.#unreadable.size
  }

  /** Why the newest value of this object cannot be read, when that is so. {@link get} then gives the last one that could, if any. */
  unreadable(key: string): Error | undefined {
    return this.#unreadable.get(key)?.unreadable
  }

  /**
   * Take in what a list of the store brought, all as of `revision`. What was there before is replaced, watchers see the difference.
   *
   * @returns what turned out to be unreadable, each once
   */
  load(values: Iterable<StoreEvent>, revision: number): UnreadableValue[] {
    const first = this.#revision === 0 && this.#entries.size === 0
    if (!first) return this.#reload(values, revision)
    const refused: UnreadableValue[] = []
    for (const event of values) {
      // Bytes on a disk rot; what this process wrote since it began comes from memory and is not parsed again.
      const entry = this.#decode(event, refused, true)
      if (entry) this.#put(entry)
    }
    this.#revision = revision
    this.#window = new EventWindow(revision, this.#limits)
    this.#tell()
    return refused
  }

  #reload(values: Iterable<StoreEvent>, revision: number): UnreadableValue[] {
    const gone = new Set([...this.#entries.keys(), ...this.#unreadable.keys()])
    const events: StoreEvent[] = []
    for (const event of values) {
      const short = this.#short(event.key)
      gone.delete(short)
      const known = this.#unreadable.get(short) ?? this.#entries.get(short)
      if (known?.revision !== event.revision) events.push(event)
    }
    events.sort((left, right) => left.revision - right.revision)
    for (const key of gone) events.push({ key: this.storePrefix + key, revision })
    return this.apply(events)
  }

  /** Take in changes, in the order of their revisions, and wake the watchers. @returns what turned out to be unreadable */
  apply(events: StoreEvent[]): UnreadableValue[] {
    const at = performance.now()
    const refused: UnreadableValue[] = []
    for (const event of events) {
      const { key, revision } = event
      const short = this.#short(key)
      const previous = this.#entries.get(short)
      if (previous && previous.revision >= revision) continue
      const entry = this.#decode(event, refused)
      // Nobody may take an object that cannot be read for one that is gone.
      if (this.#unreadable.has(short)) continue
      if (entry) this.#put(entry)
      else if (previous) this.#remove(previous)
      else continue
      this.#revision = Math.max(this.#revision, revision)
      this.#window.push({ revision, key: short, entry, previous, lines: new Map(), at })
    }
    this.#wake()
    return refused
  }

  /** The entry of a written value; none for a deletion, and for one that cannot be read, which is noted in `refused`. */
  #decode(event: StoreEvent, refused: UnreadableValue[], whole = false): Entry | undefined {
    const { key, value, revision } = event
    const short = this.#short(key)
    try {
      if (event.unreadable) throw event.unreadable
      if (value && whole) requireJson(value)
      const entry = value && decodeEntry(short, revision, value, this.jsonPrefix)
      this.#unreadable.delete(short)
      return entry
    } catch (error) {
      const unreadable = { key, revision, unreadable: error as Error }
      this.#unreadable.set(short, unreadable)
      refused.push(unreadable)
      return undefined
    }
  }

  #wake(): void {
    if (this.#listeners.size === 0 || this.#resting) return
    const rest = this.#restUntil - performance.now()
    if (rest < 1) return this.#tell()
    this.#resting = setTimeout(() => this.#tell(), rest)
  }

  #tell(): void {
    clearTimeout(this.#resting)
    this.#resting = undefined
    const begun = performance.now()
    for (const listener of this.#listeners) listener()
    const ended = performance.now()
    this.#restUntil = ended + Math.min((ended - begun) * REST_FACTOR, LONGEST_REST_MS)
  }

  /** Call back after changes; soon, and once for several that come together. @returns stops it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** How many watch this kind. */
  get watchers(): number {
    return this.#listeners.size
  }

  /** Call back when the kind is served no longer. @returns stops it */
  onEnd(listener: () => void): () => void {
    this.#endings.add(listener)
    return () => this.#endings.delete(listener)
  }

  /** End all watches: the kind, or the server, goes. */
  end(): void {
    this.#tell()
    for (const listener of this.#endings) listener()
  }

  /** Everything, ordered by key. The array is never changed afterwards. */
  entries(): readonly Entry[] {
    if (this.#changed.size > 0) {
      this.#sorted = merge(this.#sorted, this.#changed, (key) => this.#entries.get(key))
      this.#changed = new Set()
    }
    return this.#sorted
  }

  /** {@link entries} as they were at `revision`; undefined when the window does not reach back that far. */
  entriesAt(revision: number): readonly Entry[] | undefined {
    if (revision >= this.#revision) return this.entries()
    if (revision < this.#window.floor) return undefined
    if (this.#past?.revision === revision) return this.#past.entries
    const before = new Map<string, Entry | undefined>()
    for (let sequence = this.#window.end - 1; sequence >= this.#window.first; sequence -= 1) {
      const event = this.#window.at(sequence)
      if (event.revision <= revision) break
      before.set(event.key, event.previous)
    }
    const entries = merge(this.entries(), new Set(before.keys()), (key) => before.get(key))
    this.#past = { revision, entries }
    return entries
  }

  #short(key: string): string {
    return key.slice(this.storePrefix.length)
  }

  #put(entry: Entry): void {
    this.#bytes += entry.body.length - (this.#entries.get(entry.key)?.body.length ?? 0)
    this.#entries.set(entry.key, entry)
    this.#changed.add(entry.key)
  }

  #remove(entry: Entry): void {
    this.#bytes -= entry.body.length
    this.#entries.delete(entry.key)
    this.#changed.add(entry.key)
  }
}

/** `sorted` with the entries of `changed` keys exchanged for what `now` says, in one pass. */
function merge(
  sorted: readonly Entry[],
  changed: ReadonlySet<string>,
  now: (key: string) => Entry | undefined,
): Entry[] {
  const keys = [...changed].sort()
  const merged: Entry[] = []
  let from = 0
  for (const key of keys) {
    const to = lowerBound(sorted, key, from)
    for (let index = from; index < to; index += 1) merged.push(sorted[index]!)
    from = sorted[to]?.key === key ? to + 1 : to
    const entry = now(key)
    if (entry) merged.push(entry)
  }
  for (let index = from; index < sorted.length; index += 1) merged.push(sorted[index]!)
  return merged
}

/** The index of the first entry whose key is not below `key`. */
export function lowerBound(sorted: readonly Entry[], key: string, from = 0): number {
  let low = from
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]!.key < key) low = middle + 1
    else high = middle
  }
  return low
}
