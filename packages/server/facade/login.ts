import { randomBytes } from 'node:crypto'
import { ApiError } from '@thresher/api/error'
import { bearerToken } from '@thresher/apiserver/auth/authenticate'
import { sessionCookie } from '@thresher/apiserver/auth/local/session-cookie'
import type { Answer } from '@thresher/apiserver/request'
import { json, readObject } from './answer.ts'
import { isKnown, type FacadeCall } from './context.ts'

/** A session in the browser: no script can read it and no other site's page sends it. */
const cookieRules = 'Path=/; Secure; HttpOnly; SameSite=Strict'

/** `{username, password, ttl?, description?, responseType?}` → a token, or the cookie `R_SESS` with it. ttl is in milliseconds. */
export async function login(call: FacadeCall): Promise<Answer> {
  const { username, password, ttl, description, responseType } = readObject(call)
  if (typeof username !== 'string' || typeof password !== 'string')
    throw new ApiError('BadRequest', 'send username and password as JSON')
  const ttlMs = typeof ttl === 'number' && Number.isFinite(ttl) && ttl > 0 ? ttl : undefined
  const session = await call.parts.users.login(username, password, remoteAddress(call), {
    description: typeof description === 'string' ? description.slice(0, 200) : undefined,
    ttlMs,
  })
  const token = {
    id: session.name,
    type: 'token',
    baseType: 'token',
    name: session.name,
    userId: session.user.metadata.name,
    current: false,
    enabled: true,
    expired: false,
    expiresAt: session.expiresAt,
    links: { self: `${call.origin}/v3/tokens/${session.name}` },
    actions: {},
  }
  if (responseType !== 'cookie') return json(201, { ...token, token: session.token })
  const cookie = `R_SESS=${encodeURIComponent(session.token)}; ${cookieRules}`
  return json(201, token, { 'set-cookie': cookie, 'x-api-csrf': randomBytes(16).toString('hex') })
}

/** End the session whose token or cookie the request carries. */
export async function logout(call: FacadeCall): Promise<Answer> {
  const token = presentedToken(call)
  if (token) await call.parts.tokens.revoke(token)
  return json(200, { type: 'logout' }, { 'set-cookie': `R_SESS=; Max-Age=0; ${cookieRules}` })
}

/** `{currentPassword, newPassword}` of the caller. */
export async function changePassword(call: FacadeCall): Promise<Answer> {
  if (!isKnown(call.user)) throw new ApiError('Unauthorized', 'log in first')
  const { currentPassword, newPassword } = readObject(call)
  if (typeof currentPassword !== 'string' || typeof newPassword !== 'string')
    throw new ApiError('BadRequest', 'send currentPassword and newPassword as JSON')
  const keep = presentedToken(call)?.split(':')[0]
  await call.parts.users.changePassword(call.user.name, currentPassword, newPassword, remoteAddress(call), keep)
  return json(200, {})
}

function presentedToken({ request }: FacadeCall): string | undefined {
  return bearerToken({ headers: request.headers }) ?? sessionCookie({ headers: request.headers })
}

function remoteAddress({ request }: FacadeCall): string {
  return request.credentials?.remoteAddress ?? ''
}
