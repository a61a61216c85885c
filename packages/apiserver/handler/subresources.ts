import { stringify } from 'yaml'
import type { Answer, RequestInfo, ServerRequest, StreamAnswer } from '../request.ts'
import { protobufType } from '../protobuf/envelope.ts'
import { bytesAnswer, valueAnswer } from '../request.ts'
import type { SubresourceAnswer, SubresourceCall, SubresourceHandler } from '../subresource.ts'
import type { User } from '../user.ts'
import { encode } from './answers.ts'
import { readBody } from './body.ts'
import { methodNotAllowed } from './failures.ts'
import { jsonPatch, mergePatch, strategicPatch } from './patch.ts'

/** The handler for a request's subresource, if one is plugged in. */
export function findSubresource(
  handlers: readonly SubresourceHandler[],
  info: RequestInfo,
): SubresourceHandler | undefined {
  if (!info.resourceRequest) return undefined
  const { group, version, resource, subresource, rest, namespace, name } = info
  const path = rest ? `${subresource}/${rest}` : subresource
  const fitting = handlers.filter((handler) => {
    if (handler.group !== group || handler.version !== version) return false
    // Without a parent, the subresource itself stands where otherwise a plural does: `…/namespaces/x/expand-vm-spec`.
    if (handler.plural === '')
      return handler.subresource === resource && name === '' && handler.namespaced === (namespace !== '')
    if (handler.plural !== resource || handler.namespaced !== (namespace !== '')) return false
    if (handler.subresource === '') return subresource === ''
    return path === handler.subresource || path.startsWith(`${handler.subresource}/`)
  })
  // `vnc/screenshot` before `vnc`.
  return fitting.toSorted((left, right) => right.subresource.length - left.subresource.length)[0]
}

/** What a handler is called with. */
export function subresourceCall(
  request: ServerRequest,
  info: RequestInfo,
  user: User,
  body: unknown,
  handler?: SubresourceHandler,
): SubresourceCall {
  const path = info.rest ? `${info.subresource}/${info.rest}` : info.subresource
  const own = handler?.plural ? handler.subresource : info.subresource
  return {
    user,
    namespace: info.namespace,
    name: info.name,
    rest: path.slice(own.length + 1),
    method: request.method,
    query: request.query,
    body,
    headers: request.headers,
    ...(request.stream ? { stream: request.stream } : {}),
    signal: request.signal,
  }
}

const bodyTypes = ['application/json', 'application/yaml', jsonPatch, mergePatch, strategicPatch]

/** Let the handler answer. @throws {ApiError} */
export async function answerSubresource(
  handler: SubresourceHandler,
  request: ServerRequest,
  info: RequestInfo,
  user: User,
): Promise<Answer | StreamAnswer> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (!handler.handle || !handler.methods.includes(method as never)) throw methodNotAllowed()
  const body = request.stream ? undefined : readBody(request, bodyTypes)
  const answer = await handler.handle(subresourceCall(request, info, user, body, handler))
  if (answer.bytes) return bytesAnswer(answer.status, answer.bytes.source, answer.bytes.headers)
  return toAnswer(answer, request)
}

function toAnswer({ status, body, contentType }: SubresourceAnswer, request: ServerRequest): Answer {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = Buffer.from(body as string)
    const type = contentType ?? (typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream')
    return { status, contentType: type, value: () => body, chunks: () => (bytes.length > 0 ? [bytes] : []) }
  }
  if (body === undefined || body === null) {
    return { status, contentType: contentType ?? 'application/json', value: () => undefined, chunks: () => [] }
  }
  if (request.headers.accept === 'application/yaml') {
    return { status, contentType: 'application/yaml', value: () => body, chunks: () => [Buffer.from(stringify(body))] }
  }
  // Kinds that are only posted, such as reviews and token requests, come this way and have a protobuf form too.
  const accept = String(request.headers.accept ?? '')
  if (!contentType && accept.startsWith(protobufType)) return encode(status, body, { encoding: 'protobuf' })
  return valueAnswer(status, body, contentType)
}
