import { ApiError } from '@thresher/api/error'
import type { Authenticator, Credentials, User } from '../user.ts'

export const allAuthenticated = 'system:authenticated'
export const allUnauthenticated = 'system:unauthenticated'

/** Who asks when nothing says who. */
export const anonymous: User = { name: 'system:anonymous', groups: [allUnauthenticated] }

/** Whether the caller has shown who it is. */
export function isKnown(user: Pick<User, 'groups'>): boolean {
  return user.groups.includes(allAuthenticated)
}

/** Paths that are answered without credentials: a load balancer and a joining host know none. */
const openPaths = new Set(['/livez', '/readyz', '/healthz', '/version'])

/** Whether anyone may GET this path; `path` is as it came, without the query. Anything that is not literally one of them is not. */
export function isOpenPath(method: string, path: string): boolean {
  return (method === 'GET' || method === 'HEAD') && openPaths.has(path)
}

/**
 * Asks each authenticator in turn; the first that knows the caller counts.
 *
 * @param options.anonymous let callers without credentials pass as `system:anonymous`, for RBAC to judge; off unless said
 * @returns the user, a member of `system:authenticated`
 * @throws {ApiError} Unauthorized when nobody knows the caller
 */
export async function authenticate(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  options: { anonymous?: boolean } = {},
): Promise<User> {
  for (const authenticator of authenticators) {
    const user = await authenticator.authenticate(credentials)
    if (user)
      return user.groups.includes(allAuthenticated) ? user : { ...user, groups: [...user.groups, allAuthenticated] }
  }
  if (options.anonymous && !credentials.headers.authorization) return anonymous
  throw new ApiError('Unauthorized', 'Unauthorized')
}

/** The token of an `Authorization: Bearer` header, if there is one. */
export function bearerToken(credentials: Credentials): string | undefined {
  const header = credentials.headers.authorization
  if (typeof header !== 'string') return undefined
  const match = /^bearer +([^\s,]+) *$/i.exec(header)
  return match?.[1]
}
