import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'

/** The messages of scheduling.k8s.io/v1. */
export const scheduling = messages(
  [meta],
  `
  PriorityClass {
    1 metadata ObjectMeta, 2 value int32!, 3 globalDefault bool, 4 description string, 5 preemptionPolicy string?
  }
`,
)
