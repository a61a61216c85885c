import { core } from '../core/protobuf.ts'
import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'
import { volumes } from '../core/protobuf-volumes.ts'

/** The messages of events.k8s.io/v1. */
export const events = messages(
  [meta, core, volumes],
  `
  Event {
    1 metadata ObjectMeta!, 2 eventTime MicroTime!, 3 series EventSeries?, 4 reportingController string,
    5 reportingInstance string, 6 action string, 7 reason string, 8 regarding ObjectReference,
    9 related ObjectReference?, 10 note string, 11 type string, 12 deprecatedSource EventSource,
    13 deprecatedFirstTimestamp Time, 14 deprecatedLastTimestamp Time, 15 deprecatedCount int32
  }
  EventSeries { 1 count int32!, 2 lastObservedTime MicroTime! }
`,
)
