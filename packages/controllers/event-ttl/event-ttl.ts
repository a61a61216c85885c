import { Event } from '@thresher/api/core/event'
import { defineController, watch } from '@thresher/client/controller'
import { noSubject } from '@thresher/client/subject'

/** How long an event is kept after it was last seen, in milliseconds. */
const eventTtlMs = 3_600_000

/** Deletes events an hour after they were last seen. */
export const eventTtlController = defineController({
  name: 'event-ttl',
  subject: noSubject,
  workers: 2,
  // A count that went up is looked at when the time of the first one is over.
  watches: [
    watch(Event, (event, _, { type }) =>
      type === 'added' ? [`${event.metadata.namespace}/${event.metadata.name}`] : [],
    ),
  ],
  async reconcile(key, context) {
    const event = context.objects(Event).get(key)
    if (!event) return
    const seen =
      event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp
    const leftMs = Date.parse(seen ?? '') + eventTtlMs - context.now().getTime()
    if (leftMs > 0) return { afterMs: leftMs }
    await context.objects(Event).delete(event)
  },
})
