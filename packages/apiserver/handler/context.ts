import type { AdmissionStep } from '../admission.ts'
import type { CacheFeed } from '../cache-feed.ts'
import type { Registry } from '../registry.ts'
import type { Store } from '../store/store.ts'
import type { Turns } from './turns.ts'

/** What the handlers of requests work with. */
export interface Context {
  store: Store
  feed: CacheFeed
  registry: Registry
  admission: readonly AdmissionStep[]
  turns: Turns
  /** Milliseconds since 1970. */
  now: () => number
}

/** A point in time as objects carry it: RFC 3339 with whole seconds. */
export function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
}
