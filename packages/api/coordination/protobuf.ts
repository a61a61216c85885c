import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'

/** The messages of coordination.k8s.io/v1. */
export const coordination = messages(
  [meta],
  `
  Lease { 1 metadata ObjectMeta, 2 spec LeaseSpec }
  LeaseSpec {
    1 holderIdentity string?, 2 leaseDurationSeconds int32?, 3 acquireTime MicroTime?, 4 renewTime MicroTime?,
    5 leaseTransitions int32?, 6 strategy string?, 7 preferredHolder string?
  }
`,
)
