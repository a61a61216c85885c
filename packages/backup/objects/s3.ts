import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import aws4 from 'aws4'
import { checkKey, ObjectError, type ListedObject, type ObjectStore } from './object-store.ts'
import { refusalOf, unreachable } from './s3-errors.ts'
import { parseListing } from './s3-listing.ts'

/** A bucket and how to reach it. */
export interface S3Settings {
  /** Such as `https://s3.example.com`; Amazon's own of the region where none is given. */
  endpoint?: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  /** The bucket in the host's name (`bucket.s3.example.com`) instead of the path. */
  virtualHostedStyle?: boolean
  /** Certificates in PEM to trust instead of the well-known ones. */
  ca?: string
}

/** Requests at once; a backup's lanes are fewer. */
const mostSockets = 16
/** A server that sends nothing for so long is gone. */
const idleMs = 30_000
/** An outage of this length is sat out. */
const tries = 6
const firstPauseMs = 200
/** An answer is never larger than a block and its frame, or a page of a listing. */
const mostBytes = 16 * 1024 * 1024

/** Objects in a bucket of Amazon's S3 or of what speaks like it. @see https://docs.aws.amazon.com/AmazonS3/latest/API/ */
export class S3Bucket implements ObjectStore {
  readonly #settings: S3Settings
  readonly #base: URL
  readonly #prefix: string
  readonly #agent: HttpAgent | HttpsAgent
  readonly #signal: AbortSignal | undefined

  /**
   * @param prefix of all keys, without a slash at its end; empty for the bucket's root
   * @param signal ends what is under way
   */
  constructor(settings: S3Settings, prefix = '', signal?: AbortSignal) {
    this.#settings = settings
    this.#base = baseOf(settings)
    this.#prefix = prefix === '' ? '' : `${checkKey(prefix)}/`
    this.#signal = signal
    const options = { keepAlive: true, maxSockets: mostSockets }
    this.#agent =
      this.#base.protocol === 'https:' ? new HttpsAgent({ ...options, ca: settings.ca }) : new HttpAgent(options)
  }

  /** Close connections that are kept. */
  close(): void {
    this.#agent.destroy()
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#request('PUT', this.#path(key), body)
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.#request('GET', this.#path(key))
  }

  async delete(key: string): Promise<void> {
    await this.#request('DELETE', this.#path(key))
  }

  async *list(prefix: string): AsyncIterable<ListedObject> {
    let token: string | undefined
    do {
      const query = new URLSearchParams({ 'list-type': '2', prefix: `${this.#prefix}${prefix}` })
      if (token) query.set('continuation-token', token)
      const answer = await this.#request('GET', `${this.#base.pathname}?${query.toString().replaceAll('+', '%20')}`)
      if (!answer) throw refusalOf(this.#name, 404, 'NoSuchBucket')
      const page = parseListing(answer)
      for (const { key, bytes } of page.objects) yield { key: key.slice(this.#prefix.length), bytes }
      token = page.next
    } while (token)
  }

  get #name(): string {
    return `the bucket ${this.#settings.bucket} at ${this.#base.host}`
  }

  #path(key: string): string {
    return `${this.#base.pathname}${this.#prefix}${checkKey(key)}`
  }

  /** @returns the answer's body; undefined where the object is not there */
  async #request(method: string, path: string, body?: Uint8Array): Promise<Buffer | undefined> {
    for (let attempt = 1; ; attempt++) {
      let refusal: ObjectError
      let passes: boolean
      try {
        const { status, body: answer } = await this.#once(method, path, body)
        if (status < 300) return answer
        const text = answer.toString()
        if (status === 404 && !text.includes('NoSuchBucket')) return undefined
        refusal = refusalOf(this.#name, status, text)
        // A clock that differs is seen as a 403 as well, and does not pass.
        passes = status >= 500 || status === 429
      } catch (error) {
        this.#signal?.throwIfAborted()
        refusal = unreachable(this.#name, error)
        passes = refusal.reason === 'Unreachable'
      }
      if (!passes || attempt === tries) throw refusal
      await sleep(firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()), undefined, { signal: this.#signal })
    }
  }

  #once(method: string, path: string, body?: Uint8Array): Promise<{ status: number; body: Buffer }> {
    const { accessKeyId, secretAccessKey, region } = this.#settings
    const secure = this.#base.protocol === 'https:'
    const signed = aws4.sign(
      {
        service: 's3',
        region,
        method,
        host: this.#base.host,
        path,
        headers: {
          // Over TLS the connection vouches for the body; in the clear the signature has to.
          ...(secure && body ? { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' } : {}),
          ...(body ? { 'Content-Length': body.byteLength, 'Content-Type': 'application/octet-stream' } : {}),
        },
        ...(body ? { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) } : {}),
      } as Parameters<typeof aws4.sign>[0],
      { accessKeyId, secretAccessKey },
    )
    return new Promise((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)({
        hostname: this.#base.hostname.replace(/^\[|\]$/g, ''),
        port: this.#base.port || (secure ? 443 : 80),
        method,
        path,
        headers: signed.headers as Record<string, string>,
        agent: this.#agent,
        timeout: idleMs,
        signal: this.#signal,
      })
      sent.on('timeout', () => sent.destroy(new Error(`it sent nothing for ${idleMs / 1000} s`)))
      sent.on('error', reject)
      sent.on('response', (response) => void read(response).then(resolve, reject))
      sent.end(body)
    })
  }
}

async function read(response: IncomingMessage): Promise<{ status: number; body: Buffer }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error('its answer is larger than any of ours')
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks) }
}

function baseOf({ endpoint, region, bucket, virtualHostedStyle }: S3Settings): URL {
  const base = new URL(endpoint || `https://s3.${region}.amazonaws.com`)
  const root = base.pathname.replace(/\/+$/, '')
  if (virtualHostedStyle) base.hostname = `${bucket}.${base.hostname}`
  base.pathname = virtualHostedStyle ? `${root}/` : `${root}/${bucket}/`
  return base
}
