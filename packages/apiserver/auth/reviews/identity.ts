import { isReason } from '@thresher/api/error'
import type { Authenticator, User } from '../../user.ts'
import { allAuthenticated } from '../authenticate.ts'
import type { TokenIssuer } from '../service-account/token-issuer.ts'
import type { Review } from './access.ts'

/** SelfSubjectReview: who am I? */
export function selfSubjectReview(user: User, review: Review, now = Date.now()): Review {
  return {
    ...review,
    metadata: {
      ...review.metadata,
      creationTimestamp: new Date(now).toISOString().replace(/\.\d+/, ''),
    } as Review['metadata'],
    status: { userInfo: userInfo(user) },
  }
}

/** TokenReview: whose token is this? A token that is not good is answered, not refused. */
export async function tokenReview(
  issuer: TokenIssuer,
  others: readonly Authenticator[],
  review: Review,
): Promise<Review> {
  const spec = (review.spec ?? {}) as { token?: unknown; audiences?: string[] }
  const token = typeof spec.token === 'string' ? spec.token : ''
  // The token itself does not come back in the answer.
  const answer = (status: Record<string, unknown>): Review => ({
    ...review,
    spec: spec.audiences ? { audiences: spec.audiences } : {},
    status,
  })
  if (token === '') return answer({ authenticated: false, error: 'no token specified' })
  try {
    const audiences = spec.audiences?.length ? spec.audiences : [issuer.issuer]
    const found = token.split('.').length === 3 ? issuer.verify(token, audiences) : undefined
    if (found) return answer({ authenticated: true, user: userInfo(found.user), audiences: found.audiences })
    if (!audiences.includes(issuer.issuer))
      return answer({ authenticated: false, error: 'the token is for another audience' })
    for (const authenticator of others) {
      const user = await authenticator.authenticate({ headers: { authorization: `Bearer ${token}` } })
      if (user) return answer({ authenticated: true, user: userInfo(user), audiences: [issuer.issuer] })
    }
    return answer({ authenticated: false })
  } catch (error) {
    if (!isReason(error, 'Unauthorized')) throw error
    return answer({ authenticated: false, error: error.message })
  }
}

/** A user as reviews and the audit log show him. */
export function userInfo(user: User): Record<string, unknown> {
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups:
      user.groups.includes(allAuthenticated) || user.groups.includes('system:unauthenticated')
        ? user.groups
        : [...user.groups, allAuthenticated],
    ...(user.extra ? { extra: user.extra } : {}),
  }
}
