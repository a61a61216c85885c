import type { KubeObject } from '@thresher/api/meta'

/** How the JSON of every object of a kind in one version begins, up to and including the brace that opens its metadata. */
export function objectPrefix(apiVersion: string, kind: string): string {
  return `{"apiVersion":${JSON.stringify(apiVersion)},"kind":${JSON.stringify(kind)},"metadata":{`
}

/**
 * An object's JSON as the store keeps it: apiVersion, kind and metadata first, without the resourceVersion, which is the
 * revision that the store gives to the write.
 */
export function encodeObject(prefix: string, object: KubeObject): Uint8Array {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object
  const { resourceVersion: _revision, ...meta } = metadata
  const metaText = JSON.stringify(meta)
  const restText = JSON.stringify(rest)
  const text = prefix + metaText.slice(1) + (restText === '{}' ? '}' : `,${restText.slice(1)}`)
  return ownBytes(text)
}

/** Bytes with a memory block of their own: Buffer's shared pool would be kept alive as a whole by its longest-lived part. */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

/**
 * One object at one revision, held as JSON bytes.
 *
 * `body` is what follows {@link objectPrefix}. Prefix, `"resourceVersion":"…",` and body together are the object as it
 * goes over the wire, in any version of its kind, without serialising anything again.
 */
export class Entry {
  /** `namespace/name`, or `name` for kinds without a namespace. */
  readonly key: string
  readonly revision: number
  readonly body: Buffer
  #parsed: WeakRef<KubeObject> | undefined
  #labels: Record<string, string> | undefined

  constructor(key: string, revision: number, body: Buffer) {
    this.key = key
    this.revision = revision
    this.body = body
  }

  get namespace(): string {
    const slash = this.key.indexOf('/')
    return slash < 0 ? '' : this.key.slice(0, slash)
  }

  get name(): string {
    return this.key.slice(this.key.indexOf('/') + 1)
  }

  /** The text between prefix and body. */
  get revisionText(): string {
    return `"resourceVersion":"${this.revision}",`
  }

  /** The object, shared by all who ask while anyone holds it: read-only. */
  object(prefix: string): KubeObject {
    const known = this.#parsed?.deref()
    if (known) return known
    const parsed = JSON.parse(prefix + this.revisionText + this.body.toString()) as KubeObject
    this.#parsed = new WeakRef(parsed)
    return parsed
  }

  /** The object as its writer holds it already, so that nobody has to parse it. */
  remember(object: KubeObject): void {
    this.#parsed = new WeakRef(object)
  }

  /** Kept once read, so that selecting among many objects parses each of them once. */
  labels(prefix: string): Record<string, string> {
    this.#labels ??= this.object(prefix).metadata.labels ?? none
    return this.#labels
  }

  /** The whole object as JSON. */
  json(prefix: Buffer): Buffer {
    return Buffer.concat([prefix, Buffer.from(this.revisionText, 'latin1'), this.body])
  }

  /** Bytes of {@link json}. */
  jsonLength(prefix: Buffer): number {
    return prefix.length + this.revisionText.length + this.body.length
  }

  /** Write the object's JSON at `offset`. @returns the offset after it */
  writeJson(prefix: Buffer, target: Buffer, offset: number): number {
    let at = offset + prefix.copy(target, offset)
    at += target.write(this.revisionText, at, 'latin1')
    return at + this.body.copy(target, at)
  }
}

const none: Record<string, string> = Object.freeze({})

const closingBrace = 0x7d

/**
 * The entry behind a stored value.
 *
 * Values that another program wrote in another order of fields are brought into ours. A value in ours is not parsed here,
 * only one that was cut off is noticed; {@link requireJson} looks at all of it.
 *
 * @throws {Error} when the value is no object
 */
export function decodeEntry(key: string, revision: number, value: Uint8Array, prefix: string): Entry {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.toString('latin1', 0, prefix.length) === prefix && bytes.at(-1) === closingBrace)
    return new Entry(key, revision, bytes.subarray(prefix.length))
  const object = requireJson(bytes)
  const encoded = encodeObject(prefix, object)
  return new Entry(key, revision, Buffer.from(encoded.buffer, encoded.byteOffset + prefix.length))
}

/** The object that a stored value is. The parser's own sentence quotes the value, which may be a secret. @throws {Error} */
export function requireJson(value: Uint8Array): KubeObject {
  const object = parsed(value)
  if (!object?.metadata) throw new Error('its value in the store is not the JSON of an object')
  return object
}

function parsed(value: Uint8Array): KubeObject | null | undefined {
  try {
    const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
    return JSON.parse(text) as KubeObject | null
  } catch {
    return undefined
  }
}
