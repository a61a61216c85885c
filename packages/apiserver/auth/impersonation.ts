import { ApiError } from '@thresher/api/error'
import type { Attributes, Authorizer, Credentials, User } from '../user.ts'
import { allAuthenticated, allUnauthenticated } from './authenticate.ts'
import { forbidden } from './forbidden.ts'

const extraPrefix = 'impersonate-extra-'

/**
 * The user as whom a request is to be treated: the caller, or whom the caller's `Impersonate-*` headers name.
 *
 * Every part that is named (user, uid, each group, each extra value) needs the verb `impersonate` on its resource.
 *
 * @throws {ApiError} Forbidden; BadRequest when groups, uid or extra are named without a user
 */
export async function impersonate(user: User, headers: Credentials['headers'], authorizer: Authorizer): Promise<User> {
  const name = one(headers, 'impersonate-user')
  const uid = one(headers, 'impersonate-uid')
  const groups = all(headers, 'impersonate-group')
  const extra = extraOf(headers)
  if (name === undefined || name === '') {
    const named = ['impersonate-user', 'impersonate-uid', 'impersonate-group'].some(
      (header) => headers[header] !== undefined,
    )
    if (!named && extra.size === 0) return user
    throw new ApiError('BadRequest', 'impersonating a group, uid or extra needs the header Impersonate-User as well')
  }
  const require = async (attributes: Partial<Attributes>) => {
    const question: Attributes = {
      user,
      verb: 'impersonate',
      resourceRequest: true,
      path: '',
      group: '',
      version: 'v1',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      ...attributes,
    }
    const decision = await authorizer.authorize(question)
    if (decision.verdict !== 'allow') throw forbidden(question, decision.reason)
  }
  const account = serviceAccountOf(name)
  await require(account ? { resource: 'serviceaccounts', ...account } : { resource: 'users', name })
  for (const group of groups) await require({ resource: 'groups', name: group })
  const reviewed = { group: 'authentication.k8s.io' }
  if (uid !== undefined) await require({ ...reviewed, resource: 'uids', name: uid })
  for (const [key, values] of extra)
    for (const value of values) await require({ ...reviewed, resource: 'userextras', subresource: key, name: value })
  return {
    name,
    ...(uid === undefined ? {} : { uid }),
    groups: withStandardGroups(name, groups, account),
    ...(extra.size > 0 ? { extra: Object.fromEntries(extra) } : {}),
  }
}

/** The namespace and name in `system:serviceaccount:<namespace>:<name>`. */
function serviceAccountOf(user: string): { namespace: string; name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user)
  return match ? { namespace: match[1] as string, name: match[2] as string } : undefined
}

function withStandardGroups(name: string, groups: string[], account: { namespace: string } | undefined): string[] {
  const standard =
    name === 'system:anonymous'
      ? [allUnauthenticated]
      : [
          ...(account && groups.length === 0
            ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
            : []),
          ...(groups.includes(allUnauthenticated) ? [] : [allAuthenticated]),
        ]
  return [...new Set([...groups, ...standard])]
}

/** Node joins a repeated header of ours with commas; a user name or uid with two values is not one name. */
function one(headers: Credentials['headers'], name: string): string | undefined {
  const value = headers[name]
  if (Array.isArray(value)) {
    if (value.length > 1) throw new ApiError('BadRequest', `the header ${name} is there more than once`)
    return value[0]
  }
  return value
}

function all(headers: Credentials['headers'], name: string): string[] {
  const value = headers[name]
  if (value === undefined) return []
  return (Array.isArray(value) ? value : value.split(', ')).filter((entry) => entry !== '')
}

function extraOf(headers: Credentials['headers']): Map<string, string[]> {
  const extra = new Map<string, string[]>()
  for (const header of Object.keys(headers)) {
    if (!header.startsWith(extraPrefix)) continue
    let key: string
    try {
      key = decodeURIComponent(header.slice(extraPrefix.length))
    } catch (cause) {
      throw new ApiError('BadRequest', `the header ${header} is not percent-encoded`, { cause })
    }
    extra.set(key, [...(extra.get(key) ?? []), ...all(headers, header)])
  }
  return extra
}
