import type { User as LocalUser } from '@thresher/api/auth/user'
import { ApiError } from '@thresher/api/error'
import { RoleBinding } from '@thresher/api/rbac/role-binding'
import type { BearerTokens } from '@thresher/apiserver/auth/local/bearer-tokens'
import type { Objects } from '@thresher/apiserver/auth/objects'
import type { LocalUsers } from '@thresher/apiserver/auth/local/local-users'
import { dashboardCookie, isOwnOrigin, sessionCookie } from '@thresher/apiserver/auth/local/session-cookie'
import { valueAnswer, type Answer, type ServerRequest } from '@thresher/apiserver/request'
import type { RouteHandler } from '@thresher/apiserver/subresource'
import type { User } from '@thresher/apiserver/user'

/** What sessions stand on. */
export interface SessionParts {
  users: LocalUsers
  tokens: BearerTokens
  /** The cluster's objects, for where a user has rights. */
  objects: () => Objects
}

type Call = ServerRequest & { user: User }

/** No script can read it, no other site's page sends it, and a browser takes it from nobody but this host. */
const cookieRules = 'Path=/; Secure; HttpOnly; SameSite=Strict'
const description = 'dashboard'

/**
 * Sessions of the dashboard at `/session`: `POST {username, password}` begins one, `GET` says whose it is, `DELETE` ends it,
 * `POST /session/password {currentPassword, newPassword}` changes the password and ends the user's other sessions.
 */
export function sessionRoutes(parts: SessionParts): RouteHandler[] {
  const route = (method: string, path: string, handle: (call: Call) => Promise<Answer>): RouteHandler => ({
    method,
    path,
    anonymous: true,
    authorize: false,
    handle: async (call) => {
      if (call.headers.origin !== undefined && !isOwnOrigin(call.headers.origin, call.headers))
        throw new ApiError('Forbidden', 'this request comes from a page of another site')
      return handle(call)
    },
  })
  return [
    route('POST', '/session', (call) => begin(parts, call)),
    route('GET', '/session', async (call) => current(parts, call)),
    route('DELETE', '/session', (call) => end(parts, call)),
    route('POST', '/session/password', (call) => changePassword(parts, call)),
  ]
}

async function begin({ users, objects }: SessionParts, call: Call): Promise<Answer> {
  const { username, password } = readBody(call, ['username', 'password'])
  const session = await users.login(username, password, addressOf(call), { description })
  const namespaces = namespacesOf(session.user, objects())
  const value = { user: session.user.metadata.name, namespaces, expiresAt: session.expiresAt }
  const cookie = `${dashboardCookie}=${encodeURIComponent(session.token)}; ${cookieRules}`
  return { ...valueAnswer(201, value), headers: { 'set-cookie': cookie, 'cache-control': 'no-store' } }
}

function current({ tokens, objects }: SessionParts, call: Call): Answer {
  const found = tokens.find(tokenOf(call) ?? '')
  if (!found) throw new ApiError('Unauthorized', 'sign in first')
  const { object, user } = found
  const value = {
    user: user.metadata.name,
    displayName: user.spec?.displayName,
    mustChangePassword: user.spec?.mustChangePassword === true,
    namespaces: namespacesOf(user, objects()),
    expiresAt: object.spec.expiresAt,
  }
  return { ...valueAnswer(200, value), headers: { 'cache-control': 'no-store' } }
}

/** The namespaces in which a user has been given rights: someone who may not list namespaces finds his own. */
function namespacesOf({ metadata, spec }: LocalUser, objects: Objects): string[] {
  const groups = new Set(spec?.groups ?? [])
  const found = new Set<string>()
  for (const { metadata: at, subjects } of objects.list<RoleBinding>(RoleBinding))
    if (
      subjects?.some(({ kind, name }) =>
        kind === 'User' ? name === metadata.name : kind === 'Group' && groups.has(name),
      )
    )
      found.add(at.namespace ?? '')
  return [...found].toSorted()
}

async function end({ tokens }: SessionParts, call: Call): Promise<Answer> {
  const token = tokenOf(call)
  if (token) await tokens.revoke(token)
  return { ...valueAnswer(200, {}), headers: { 'set-cookie': `${dashboardCookie}=; Max-Age=0; ${cookieRules}` } }
}

async function changePassword({ users, tokens }: SessionParts, call: Call): Promise<Answer> {
  const found = tokens.find(tokenOf(call) ?? '')
  if (!found) throw new ApiError('Unauthorized', 'sign in first')
  const { currentPassword, newPassword } = readBody(call, ['currentPassword', 'newPassword'])
  const { name: session = '' } = found.object.metadata
  await users.changePassword(found.user.metadata.name ?? '', currentPassword, newPassword, addressOf(call), session)
  return valueAnswer(200, {})
}

function tokenOf({ headers, method }: Call): string | undefined {
  return sessionCookie({ headers, method })
}

function addressOf({ credentials }: Call): string {
  return credentials?.remoteAddress ?? ''
}

/** The named texts of a JSON body. @throws {ApiError} BadRequest */
function readBody<N extends string>(call: Call, names: N[]): Record<N, string> {
  let body: unknown
  try {
    body = JSON.parse(call.body?.toString('utf8') ?? '')
  } catch {
    body = undefined
  }
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if (!names.every((name) => typeof fields[name] === 'string'))
    throw new ApiError('BadRequest', `send ${names.join(' and ')} as JSON`)
  return fields as Record<N, string>
}
