import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'

/** The messages of authentication.k8s.io/v1. */
export const authentication = messages(
  [meta],
  `
  SelfSubjectReview { 1 metadata ObjectMeta, 2 status SelfSubjectReviewStatus }
  SelfSubjectReviewStatus { 1 userInfo UserInfo }
  UserInfo { 1 username string, 2 uid string, 3 groups string[], 4 extra map<ExtraValue> }
  TokenReview { 1 metadata ObjectMeta, 2 spec TokenReviewSpec!, 3 status TokenReviewStatus }
  TokenReviewSpec { 1 token string, 2 audiences string[] }
  TokenReviewStatus { 1 authenticated bool, 2 user UserInfo, 3 error string, 4 audiences string[] }
  TokenRequest { 1 metadata ObjectMeta, 2 spec TokenRequestSpec!, 3 status TokenRequestStatus }
  TokenRequestSpec { 1 audiences string[], 3 boundObjectRef BoundObjectReference?, 4 expirationSeconds int64? }
  BoundObjectReference { 1 kind string, 2 apiVersion string, 3 name string, 4 uid string }
  TokenRequestStatus { 1 token string!, 2 expirationTimestamp Time! }
`,
)
