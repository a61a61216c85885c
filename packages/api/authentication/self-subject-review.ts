import { defineKind, type ObjectOf } from '../kind.ts'
import { optional } from '../schema.ts'
import { UserInfo } from './user-info.ts'

/** Asks who the asker is. */
export const SelfSubjectReview = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  description: 'Asks who the asker is.',
  plural: 'selfsubjectreviews',
  namespaced: false,
  stored: false,
  status: optional({ userInfo: UserInfo }),
  subresources: { status: false },
})
export type SelfSubjectReview = ObjectOf<typeof SelfSubjectReview>
