import type { Event } from '@thresher/api/core/event'

/** When an event last happened, in milliseconds. */
export function lastSeen(event: Event): number {
  return Date.parse(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '') || 0
}
