import { ApiError } from '@thresher/api/error'
import { isKnown } from '../auth/authenticate.ts'
import { isYaml, jsonType, mediaType, unsupported } from './media-type.ts'
import { sizes } from '../limits/sizes.ts'
import type { ServerRequest } from '../request.ts'
import type { User } from '../user.ts'
import { parseJson, requireUtf8 } from './json.ts'
import { YamlReader } from './yaml-reader.ts'

/**
 * Takes the bodies of requests in, once it is known who sends them and that they may.
 *
 * JSON is left for its reader to parse: that takes milliseconds whatever it holds. YAML is read here, since a large document
 * is read by a process of its own.
 */
export class BodyIntake {
  readonly #yaml = new YamlReader()

  /**
   * Fill in `body`, and `document` where it is YAML; or `stream`, of which nothing is read.
   *
   * @throws {ApiError} RequestEntityTooLarge; Timeout; TooManyRequests when too many documents of one user wait to be read
   */
  async take(request: ServerRequest, user: User, streams: boolean): Promise<void> {
    const { incoming } = request
    if (!incoming) return
    if (streams) {
      request.stream = incoming.stream()
      return
    }
    const type = mediaType(request.headers['content-type'])
    if (!isKnown(user)) return takeFromStranger(request, incoming, type)
    request.body = await incoming.read(sizes.bodyBytes)
    if (isYaml(type)) request.document = await this.#read(request.body, user)
  }

  close(): void {
    this.#yaml.close()
  }

  /** A document that cannot be read is for the request's handler to refuse, after what it has to check before. */
  async #read(body: Buffer, user: User): Promise<NonNullable<ServerRequest['document']>> {
    try {
      requireUtf8(body)
      return asJson(body) ?? { value: await this.#yaml.read(body, user.name), json: false }
    } catch (refusal) {
      if (refusal instanceof ApiError && refusal.reason === 'TooManyRequests') throw refusal
      return { refusal }
    }
  }
}

/**
 * Strangers send small JSON. A page of another site can make a browser send text or a form, but not JSON. What else they send is
 * refused where it would be read, so that one who only has to log in is told so.
 */
async function takeFromStranger(
  request: ServerRequest,
  incoming: NonNullable<ServerRequest['incoming']>,
  type: string,
): Promise<void> {
  try {
    if (type !== jsonType) throw unsupported([jsonType])
    request.body = await incoming.read(sizes.anonymousBodyBytes)
  } catch (refusal) {
    request.document = { refusal }
  }
}

/**
 * What a body says that is said to be YAML and is JSON, as what kubectl sends is. A text in braces may still be YAML's own notation,
 * with a trailing comma or without quotes.
 */
function asJson(body: Buffer): { value: unknown; json: true } | undefined {
  const first = body.find((byte) => byte > 0x20)
  if (first !== 0x7b && first !== 0x5b) return undefined
  try {
    return { value: parseJson(body), json: true }
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'BadRequest') return undefined
    throw error
  }
}
