import { ApiError } from '@thresher/api/error'
import type { SubresourceHandler } from '../../subresource.ts'
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
interface ReviewHandler {
  group: string
  version: string
  kind: string
  plural: string
  namespaced: boolean
  answer: (user: User, namespace: string, review: Review) => Review | Promise<Review>
}

/** All reviews that the server answers. */
export function reviewHandlers(sources: ReviewSources): SubresourceHandler[] {
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
  return handlers.map(toSubresource)
}

/** A review is posted to its collection and answered there: to the server it is a subresource without a parent. */
function toSubresource({ answer, kind, group, version, plural, namespaced }: ReviewHandler): SubresourceHandler {
  return {
    group,
    version,
    plural,
    subresource: '',
    namespaced,
    kind,
    methods: ['POST'],
    async handle({ user, namespace, name, body }) {
      if (name !== '') throw new ApiError('NotFound', 'the server could not find the requested resource')
      const review = body as Review | undefined | null
      const isObject = typeof review === 'object' && review !== null && !Array.isArray(review)
      const parts = isObject ? [review.spec ?? {}, review.metadata ?? {}] : [undefined]
      const wellFormed = parts.every((part) => typeof part === 'object' && !Array.isArray(part))
      if (!isObject || !wellFormed || (review.kind !== undefined && review.kind !== kind))
        throw new ApiError('BadRequest', `send a ${kind} in ${group}/${version}`)
      const { metadata = {}, spec = {} } = review
      return {
        status: 201,
        body: await answer(user, namespace, { kind, apiVersion: `${group}/${version}`, metadata, spec }),
      }
    },
  }
}
