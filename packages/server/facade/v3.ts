import { ApiError } from '@thresher/api/error'
import type { Answer } from '@thresher/apiserver/request'
import { json } from './answer.ts'
import { isKnown, type FacadeCall } from './context.ts'
import { changePassword, logout } from './login.ts'
import { handleManagement, selfUser } from './management.ts'

/** The parts of the older management API (`/v3`) that clients still call. */
export async function handleV3(call: FacadeCall): Promise<Answer> {
  const [type = '', id] = call.path
  const { method, query } = call.request
  const action = query.get('action')
  if (type === 'settings' && method === 'GET') {
    const answer = await handleManagement({ ...call, path: ['management.cattle.io.settings', ...(id ? [id] : [])] })
    if (answer) return answer
  }
  if (!isKnown(call.user)) throw new ApiError('Unauthorized', 'log in first')
  if (type === 'users' && method === 'POST' && action === 'changepassword') return changePassword(call)
  if (type === 'tokens' && method === 'POST' && action === 'logout') return logout(call)
  if (method !== 'GET') throw new ApiError('NotFound', `there is nothing at ${JSON.stringify(call.path.join('/'))}`)
  if (type === 'users') return id ? json(200, selfUser(call)) : collection(call, 'user', [selfUser(call)])
  if (type === 'principals') return collection(call, 'principal', [principal(call)])
  if (type === 'schemas') return collection(call, 'schema', [])
  if (type === 'tokens') return collection(call, 'token', [])
  if (type === '') return json(200, { type: 'apiVersion', id: 'v3', links: { self: `${call.origin}/v3` } })
  throw new ApiError('NotFound', `there is nothing at ${JSON.stringify(call.path.join('/'))}`)
}

function principal(call: FacadeCall): Record<string, unknown> {
  const { name } = call.user
  return {
    id: `local://${name}`,
    type: 'principal',
    name,
    loginName: name,
    principalType: 'user',
    provider: 'local',
    me: true,
    memberOf: false,
    links: { self: `${call.origin}/v3/principals/${encodeURIComponent(`local://${name}`)}` },
  }
}

/** A list of things that are not stored as objects. */
export function collection(call: FacadeCall, resourceType: string, data: unknown[]): Answer {
  const links = { self: `${call.base}/${call.path.join('/')}` }
  return json(200, { type: 'collection', resourceType, links, actions: {}, createTypes: {}, data })
}
