import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, optional, text, texts } from '../schema.ts'
import { UserInfo } from './user-info.ts'

/** Asks whose token this is. */
export const TokenReview = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  description: 'Asks whose token this is.',
  plural: 'tokenreviews',
  namespaced: false,
  stored: false,
  spec: optional({ token: text, audiences: texts }),
  status: optional({ authenticated: flag, user: UserInfo, audiences: texts, error: text }),
  subresources: { status: false },
})
export type TokenReview = ObjectOf<typeof TokenReview>
