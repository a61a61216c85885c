import { ApiError } from '@thresher/api/error'
import type { Authenticator, Authorizer, User } from '../../user.ts'
import type { RbacIndex } from '../rbac/rbac-index.ts'
import type { TokenIssuer } from '../service-account/token-issuer.ts'
import {
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
  type Review,
} from './access.ts'
import { selfSubjectReview, tokenReview } from './identity.ts'

/** What reviews are answered from. */
export interface ReviewSources {
  authorizer: Authorizer
  index: RbacIndex
  issuer: TokenIssuer
  authenticators: readonly Authenticator[]
}

/** A kind that is answered instead of stored. */
export interface ReviewHandler {
  group: string
  version: string
  kind: string
  plural: string
  namespaced: boolean
  answer(user: User, namespace: string, review: Review): Review | Promise<Review>
}

/** All reviews that the server answers. */
export function reviewHandlers(sources: ReviewSources): ReviewHandler[] {
  const { authorizer, index, issuer, authenticators } = sources
  const authorization = { group: 'authorization.k8s.io', version: 'v1', namespaced: false }
  const authentication = { group: 'authentication.k8s.io', version: 'v1', namespaced: false }
  const handlers: ReviewHandler[] = [
    {
      ...authorization,
      kind: 'SelfSubjectAccessReview',
      plural: 'selfsubjectaccessreviews',
      answer: (user, _, review) => selfSubjectAccessReview(authorizer, user, review),
    },
    {
      ...authorization,
      kind: 'SelfSubjectRulesReview',
      plural: 'selfsubjectrulesreviews',
      answer: (user, _, review) => selfSubjectRulesReview(index, user, review),
    },
    {
      ...authorization,
      kind: 'SubjectAccessReview',
      plural: 'subjectaccessreviews',
      answer: (_, __, review) => subjectAccessReview(authorizer, review),
    },
    {
      ...authorization,
      namespaced: true,
      kind: 'LocalSubjectAccessReview',
      plural: 'localsubjectaccessreviews',
      answer: (_, namespace, review) => localSubjectAccessReview(authorizer, namespace, review),
    },
    {
      ...authentication,
      kind: 'SelfSubjectReview',
      plural: 'selfsubjectreviews',
      answer: (user, _, review) => selfSubjectReview(user, review),
    },
    {
      ...authentication,
      kind: 'TokenReview',
      plural: 'tokenreviews',
      answer: (_, __, review) => tokenReview(issuer, authenticators, review),
    },
  ]
  return handlers.map((handler) => ({
    ...handler,
    answer: (user, namespace, review) => {
      if (
        typeof review !== 'object' ||
        review === null ||
        Array.isArray(review) ||
        (review.kind !== undefined && review.kind !== handler.kind)
      )
        throw new ApiError('BadRequest', `send a ${handler.kind} in ${handler.group}/${handler.version}`)
      return handler.answer(user, namespace, {
        ...review,
        apiVersion: `${handler.group}/${handler.version}`,
        kind: handler.kind,
        metadata: { ...review.metadata },
        spec: { ...review.spec },
      })
    },
  }))
}
