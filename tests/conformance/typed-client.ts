import { Agent, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { KubeObject } from '@thresher/api/meta'
import { messageOf } from '@thresher/api/protobuf/kinds'
import { encodeObject, parseProtobuf } from '@thresher/apiserver/protobuf/envelope'
import { ProtobufReader } from '@thresher/apiserver/protobuf/reader'
import type { Caller, WholeServer } from '../security/whole-server.ts'

/** An object, or a list or a Status, as a typed client has it. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests look into objects of every kind
export type Typed = KubeObject & Record<string, any>

export interface TypedAnswer {
  status: number
  contentType: string
  object: Typed
}

export interface TypedEvent {
  type: string
  object: Typed
}

const protobuf = 'application/vnd.kubernetes.protobuf'

/** A client as client-go is by default: it sends protobuf and takes nothing else. */
export class TypedClient implements Disposable {
  readonly #server: WholeServer
  readonly #caller: Caller
  readonly #agent = new Agent({ keepAlive: true })

  constructor(server: WholeServer, caller: Caller = server.admin) {
    this.#server = server
    this.#caller = caller
  }

  /** One exchange. A patch is JSON in clients of this kind too. */
  async call(
    method: string,
    path: string,
    body?: object,
    { accept = protobuf, type = protobuf }: { accept?: string; type?: string } = {},
  ): Promise<TypedAnswer> {
    const bytes = body && (type === protobuf ? encode(body as Typed) : Buffer.from(JSON.stringify(body)))
    const answer = await this.#send(method, path, { accept, ...(bytes ? { 'content-type': type } : {}) }, bytes)
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    const contentType = answer.headers['content-type'] ?? ''
    return { status: answer.statusCode ?? 0, contentType, object: decode(contentType, Buffer.concat(chunks)) }
  }

  /** @throws {Error} with the Status's message unless it succeeds */
  async must(
    method: string,
    path: string,
    body?: object,
    options?: { accept?: string; type?: string },
  ): Promise<Typed> {
    const { status, object, contentType } = await this.call(method, path, body, options)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${String(object['message'])}`)
    if (!contentType.startsWith(protobuf)) throw new Error(`${method} ${path}: answered in ${contentType}`)
    return object
  }

  /** The events of a watch, until whoever asks has enough. */
  async *watch(path: string): AsyncGenerator<TypedEvent> {
    const answer = await this.#send('GET', path, { accept: `${protobuf};stream=watch` })
    if (answer.headers['content-type'] !== `${protobuf};stream=watch`)
      throw new Error(`the watch comes as ${answer.headers['content-type']}`)
    let rest: Buffer = Buffer.alloc(0)
    try {
      for await (const chunk of answer) {
        rest = Buffer.concat([rest, chunk as Buffer])
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
          const end = 4 + rest.readUInt32BE(0)
          yield decodeEvent(rest.subarray(4, end))
          rest = rest.subarray(end)
        }
      }
    } finally {
      answer.destroy()
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  #send(method: string, path: string, headers: Record<string, string>, body?: Buffer): Promise<IncomingMessage> {
    const { port, ca } = this.#server
    return new Promise((resolve, reject) => {
      const size = body ? { 'content-length': body.length } : {}
      const options = { host: '127.0.0.1', port, ca, ...this.#caller, method, path, agent: this.#agent }
      const sent = request({ ...options, headers: { ...headers, ...size } }, resolve)
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

function encode(object: Typed): Buffer {
  const { apiVersion = '', kind = '' } = object
  const message = messageOf(apiVersion, kind)
  if (!message) throw new Error(`there is no message for ${apiVersion} ${kind}`)
  return encodeObject(message, apiVersion, kind, object)
}

function decode(contentType: string, bytes: Buffer): Typed {
  if (!contentType.startsWith(protobuf)) return JSON.parse(bytes.toString()) as Typed
  const listed = listOf(bytes)
  return (listed ?? parseProtobuf(bytes)) as Typed
}

/** A list is its kind with List behind: metadata and items, each item a message without a type. */
function listOf(bytes: Buffer): Typed | undefined {
  const outer = fieldsOf(bytes.subarray(4))
  const [apiVersion, kind] = [1, 2].map((number) => fieldsOf(outer.get(1)![0]!).get(number)?.toString() ?? '')
  if (!kind!.endsWith('List')) return undefined
  const inner = fieldsOf(outer.get(2)![0]!)
  const item = kind!.slice(0, -4)
  const header = encodeObject(messageOf(apiVersion!, item)!, apiVersion!, item, {})
  const items = (inner.get(2) ?? []).map((raw) => {
    const { apiVersion: _version, kind: _kind, ...fields } = parseProtobuf(withRaw(header, raw))
    return fields
  })
  const metadata = fieldsOf(inner.get(1)?.[0] ?? Buffer.alloc(0))
  const text = (number: number) => metadata.get(number)?.[0]?.toString()
  return {
    apiVersion: apiVersion!,
    kind: kind!,
    metadata: { resourceVersion: text(2)!, continue: text(3) } as never,
    items,
  }
}

/** The envelope of an empty object with this content. */
function withRaw(empty: Buffer, raw: Buffer): Buffer {
  const typeEnd = 4 + 2 + empty[5]!
  const size: number[] = []
  for (let rest = raw.length; ; rest >>>= 7) {
    size.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    if (rest <= 0x7f) break
  }
  return Buffer.concat([empty.subarray(0, typeEnd), Buffer.from([0x12, ...size]), raw])
}

function decodeEvent(frame: Buffer): TypedEvent {
  const fields = fieldsOf(frame)
  const raw = fieldsOf(fields.get(2)![0]!).get(1)![0]!
  return { type: fields.get(1)![0]!.toString(), object: parseProtobuf(raw) as Typed }
}

function fieldsOf(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>()
  for (const reader = new ProtobufReader(bytes); reader.next();) {
    if (reader.type !== 2) reader.skip()
    else fields.set(reader.field, [...(fields.get(reader.field) ?? []), reader.bytes()])
  }
  return fields
}
