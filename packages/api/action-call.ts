import { ApiError } from './error.ts'
import type { ActionCall } from './kind.ts'
import type { ObjectMeta } from './meta.ts'

/** The input of an action as text. @throws {ApiError} BadRequest when it is missing */
export function textInput(input: Record<string, unknown>, name: string): string {
  const value = input[name]
  if (typeof value === 'string' && value !== '') return value
  throw new ApiError('BadRequest', `the action needs ${JSON.stringify(name)}: send it as text in the JSON body`)
}

/** An action's call as a request: without fields that are undefined, as it goes over the wire, and with the form of its patch named. */
export function requestOf({ method, path, body }: ActionCall): ActionCall & { contentType?: string } {
  const sent: unknown = body === undefined ? undefined : JSON.parse(JSON.stringify(body))
  return { method, path, body: sent, ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}) }
}

/** Make an object. @param collection its path, such as `/api/v1/namespaces/default/secrets` */
export function creation(collection: string, body: unknown): ActionCall {
  return { method: 'POST', path: collection, body }
}

/** The path of a kind's objects in one namespace. */
export function collectionPath(apiVersion: string, plural: string, namespace: string): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return `${base}/namespaces/${encodeURIComponent(namespace)}/${plural}`
}

/** The namespace of an object that is in one. */
export function namespaceOf(metadata: ObjectMeta): string {
  return metadata.namespace ?? 'default'
}
