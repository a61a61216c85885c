import { parseJson } from '../body/json.ts'
import { jsonType, mediaType, unsupported } from '../body/media-type.ts'
import type { ServerRequest } from '../request.ts'
import { parseProtobuf, protobufType } from '../protobuf/envelope.ts'

/**
 * The body as a value of its own that may be changed; undefined without a body.
 *
 * @param accepted media types that this call takes. @throws {ApiError} UnsupportedMediaType for another; BadRequest when it cannot be read
 */
export function readBody(
  request: ServerRequest,
  accepted: readonly string[] = [jsonType, 'application/yaml'],
): unknown {
  // By way of JSON, so that an undefined field or a Date means what it would mean over HTTPS.
  if (request.object !== undefined) return JSON.parse(JSON.stringify(request.object))
  const { body, document } = request
  if (document && 'refusal' in document) throw document.refusal
  if (!body || body.length === 0) return undefined
  const type = mediaType(request.headers['content-type'])
  if (type === protobufType) return parseProtobuf(body)
  const known = type === 'text/yaml' || type === 'application/x-yaml' ? 'application/yaml' : type
  // Clients that name no type, or the one of HTML forms, mean JSON, as kubectl's raw mode and curl do.
  const effective = known === 'application/x-www-form-urlencoded' || known === '*/*' ? jsonType : known
  if (!accepted.includes(effective)) throw unsupported(accepted)
  return document ? document.value : parseJson(body)
}
