import { ApiError } from '@thresher/api/error'
import type { Authorizer, Decision, User } from '../../user.ts'
import type { RbacIndex } from '../rbac/rbac-index.ts'
import { toAttributes, type AccessQuestion } from './attributes.ts'

/** A review: posted, answered in its status, never stored. */
export interface Review {
  apiVersion?: string
  kind?: string
  metadata?: { namespace?: string }
  spec?: Record<string, unknown>
  status?: Record<string, unknown>
}

/** SelfSubjectAccessReview: may I? */
export async function selfSubjectAccessReview(authorizer: Authorizer, user: User, review: Review): Promise<Review> {
  const question = toAttributes(user, (review.spec ?? {}) as AccessQuestion, 'SelfSubjectAccessReview')
  return answered(review, await authorizer.authorize(question))
}

/** SubjectAccessReview: may he? @throws {ApiError} Invalid when nobody is named */
export async function subjectAccessReview(
  authorizer: Authorizer,
  review: Review,
  kind = 'SubjectAccessReview',
): Promise<Review> {
  const spec = (review.spec ?? {}) as AccessQuestion & {
    user?: string
    groups?: string[]
    uid?: string
    extra?: Record<string, string[]>
  }
  if (!spec.user && !spec.groups?.length)
    throw new ApiError(
      'Invalid',
      `${kind}.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified`,
      {
        details: { group: 'authorization.k8s.io', kind },
      },
    )
  const user: User = { name: spec.user ?? '', groups: spec.groups ?? [], uid: spec.uid, extra: spec.extra }
  return answered(review, await authorizer.authorize(toAttributes(user, spec, kind)))
}

/** LocalSubjectAccessReview: may he, in this namespace? @throws {ApiError} Invalid for another namespace or a path */
export function localSubjectAccessReview(authorizer: Authorizer, namespace: string, review: Review): Promise<Review> {
  const kind = 'LocalSubjectAccessReview'
  const attributes = (review.spec as AccessQuestion | undefined)?.resourceAttributes
  if (!attributes || attributes.namespace !== namespace)
    throw new ApiError(
      'Invalid',
      `${kind}.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: ${JSON.stringify(attributes?.namespace ?? '')}: must match metadata.namespace`,
      { details: { group: 'authorization.k8s.io', kind } },
    )
  return subjectAccessReview(authorizer, review, kind)
}

/** SelfSubjectRulesReview: what may I, in this namespace and cluster-wide? */
export function selfSubjectRulesReview(index: RbacIndex, user: User, review: Review): Review {
  const namespace = typeof review.spec?.namespace === 'string' ? review.spec.namespace : ''
  if (namespace === '') throw new ApiError('BadRequest', 'no namespace on request')
  const rules = [...index.grants(user, namespace)].flatMap((grant) => grant.rules.map(({ rule }) => rule))
  const lists = (value: string[] | undefined) => value ?? []
  return {
    ...review,
    status: {
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map((rule) => ({
          verbs: rule.verbs,
          apiGroups: lists(rule.apiGroups),
          resources: lists(rule.resources),
          ...(rule.resourceNames?.length ? { resourceNames: rule.resourceNames } : {}),
        })),
      nonResourceRules: rules
        .filter((rule) => rule.nonResourceURLs?.length)
        .map((rule) => ({ verbs: rule.verbs, nonResourceURLs: lists(rule.nonResourceURLs) })),
      // What a node may do depends on the single object, which a list of rules cannot say.
      incomplete: user.groups.includes('system:nodes'),
      ...(user.groups.includes('system:nodes')
        ? { evaluationError: 'node authorizer does not support user rule resolution' }
        : {}),
    },
  }
}

function answered(review: Review, decision: Decision): Review {
  return {
    ...review,
    status: {
      allowed: decision.verdict === 'allow',
      ...(decision.verdict === 'deny' ? { denied: true } : {}),
      ...(decision.reason ? { reason: decision.reason } : {}),
    },
  }
}
