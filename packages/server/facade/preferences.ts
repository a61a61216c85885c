import { createHash } from 'node:crypto'
import { ApiError, isReason } from '@thresher/api/error'
import type { Preference } from '@thresher/api/harvester/preference'
import type { KubeObject } from '@thresher/api/meta'
import type { Answer } from '@thresher/apiserver/request'
import { json, readObject } from './answer.ts'
import type { FacadeCall } from './context.ts'

const type = { group: 'harvesterhci.io', plural: 'preferences' }
const namespace = 'harvester-system'
const maxBytes = 64 * 1024

/** What the caller has chosen in the dashboard: one object, `data` by name. Kept in a Preference, which only the server writes. */
export async function handlePreferences(call: FacadeCall): Promise<Answer> {
  const { method } = call.request
  const [, id] = call.path
  if (id !== undefined && id !== call.user.name) throw new ApiError('NotFound', 'only your own preferences are here')
  if (method === 'GET') {
    const mine = shown(call, readData(call))
    if (id !== undefined) return json(200, mine)
    const links = { self: `${call.base}/userpreferences` }
    return json(200, { type: 'collection', resourceType: 'userpreference', links, data: [mine] })
  }
  if (method !== 'PUT' && method !== 'POST') throw new ApiError('MethodNotAllowed', `${method} is not possible here`)
  const { data } = readObject(call)
  if (typeof data !== 'object' || data === null) throw new ApiError('BadRequest', 'send the preferences as `data`')
  const value = JSON.stringify(data)
  if (Buffer.byteLength(value) > maxBytes)
    throw new ApiError('RequestEntityTooLarge', `preferences may take ${maxBytes} bytes at most`)
  await write(call, value)
  return json(200, shown(call, data as Record<string, unknown>))
}

function shown(call: FacadeCall, data: Record<string, unknown>): Record<string, unknown> {
  const id = call.user.name
  const self = `${call.base}/userpreferences/${encodeURIComponent(id)}`
  return { id, type: 'userpreference', links: { self, update: self }, data }
}

/** User names can hold what names of objects cannot. */
function objectName({ user }: FacadeCall): string {
  const hex = Buffer.from(user.name).toString('hex')
  return `user-${hex.length <= 200 ? hex : createHash('sha256').update(user.name).digest('hex')}`
}

function readData(call: FacadeCall): Record<string, unknown> {
  const stored = call.parts.server().objects.get<Preference>(type, namespace, objectName(call))
  try {
    return JSON.parse(stored?.value || '{}') as Record<string, unknown>
  } catch {
    return {}
  }
}

async function write(call: FacadeCall, value: string): Promise<void> {
  const { objects } = call.parts.server()
  const stored = objects.get<Preference>(type, namespace, objectName(call))
  if (stored) {
    await objects.update<Preference>(type, { ...stored, value })
    return
  }
  const room: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
  await objects.create({ group: '', plural: 'namespaces' }, room).catch((error: unknown) => {
    if (!isReason(error, 'AlreadyExists')) throw error
  })
  await objects.create<Preference>(type, {
    apiVersion: 'harvesterhci.io/v1beta1',
    kind: 'Preference',
    metadata: { name: objectName(call), namespace },
    value,
  })
}
