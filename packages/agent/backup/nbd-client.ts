import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { ByteReader } from './byte-reader.ts'

// @see https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
const serverMagic = 0x4e42444d41474943n
const optionMagic = 0x49484156454f5054n
const optionReplyMagic = 0x3e889045565a9n
const requestMagic = 0x25609513
const replyMagic = 0x668e33ef
const simpleReplyMagic = 0x67446698
const clientFlags = 0b11
const options = { go: 7, structuredReply: 8, setMetaContext: 10 }
const optionReplies = { ack: 1, info: 3, metaContext: 4 }
const commands = { read: 0, write: 1, disconnect: 2, flush: 3, blockStatus: 7 }
const chunks = { offsetData: 1, offsetHole: 2, blockStatus: 5 }
const doneFlag = 1
const errorBit = 0x8000
/** The largest that a server of QEMU takes, less a bit: statuses of 1 GiB are answered in parts anyway. */
const mostStatusBytes = 1 << 30
const mostReplyBytes = 64 * 1024 * 1024

/** What a part of an export is, by one context. */
export interface StatusExtent {
  offset: number
  length: number
  value: number
}

interface Pending {
  /** Of a read. */
  into?: { buffer: Buffer; offset: number }
  statuses: Map<number, { length: number; value: number }[]>
  resolve: () => void
  reject: (error: Error) => void
  failure?: Error
}

/** Reads and writes an export of an NBD server, and asks what its parts are; any number of requests at once. */
export class NbdClient {
  readonly bytes: number
  readonly #socket: Socket
  readonly #contexts: ReadonlyMap<string, number>
  readonly #pending = new Map<bigint, Pending>()
  #cookies = 0n
  #failure: Error | undefined

  private constructor(socket: Socket, reader: ByteReader, bytes: number, contexts: ReadonlyMap<string, number>) {
    this.#socket = socket
    this.bytes = bytes
    this.#contexts = contexts
    void this.#readReplies(reader).catch((error: Error) => this.#fail(error))
  }

  /** @param contexts what will be asked about, such as `base:allocation` @throws {Error} when the server lacks the export or one of them */
  static async connect(path: string, name: string, contexts: readonly string[]): Promise<NbdClient> {
    const socket = connect(path)
    try {
      await once(socket, 'connect')
      const reader = new ByteReader(socket)
      const hello = await reader.take(18)
      if (hello.readBigUInt64BE(0) !== serverMagic || hello.readBigUInt64BE(8) !== optionMagic)
        throw new Error('this is no NBD server of today')
      socket.write(uint32(clientFlags))
      const negotiation = new Negotiation(socket, reader)
      await negotiation.ask(options.structuredReply, Buffer.alloc(0))
      const ids = await negotiation.contexts(name, contexts)
      const bytes = await negotiation.go(name)
      return new NbdClient(socket, reader, bytes, ids)
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /** @throws {Error} what the server says */
  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length)
    await this.#request(commands.read, offset, length, { buffer, offset })
    return buffer
  }

  async write(offset: number, content: Buffer): Promise<void> {
    await this.#request(commands.write, offset, content.length, undefined, content)
  }

  /** What was written is on the disk. */
  async flush(): Promise<void> {
    await this.#request(commands.flush, 0, 0)
  }

  /** What the whole export is by a context, in order. */
  async *status(context: string): AsyncIterable<StatusExtent> {
    const id = this.#contexts.get(context)
    if (id === undefined) throw new Error(`the context ${context} was not asked for`)
    for (let offset = 0; offset < this.bytes;) {
      const length = Math.min(mostStatusBytes, this.bytes - offset)
      const { statuses } = await this.#request(commands.blockStatus, offset, length)
      const extents = statuses.get(id) ?? []
      if (extents.length === 0) throw new Error('the server said nothing of a part of the export')
      for (const { length: of, value } of extents) {
        yield { offset, length: of, value }
        offset += of
      }
    }
  }

  close(): void {
    if (!this.#failure && this.#pending.size === 0) this.#socket.end(request(commands.disconnect, 0n, 0, 0))
    this.#fail(new Error('the connection was closed'))
    this.#socket.destroySoon()
  }

  #request(
    command: number,
    offset: number,
    length: number,
    into?: Pending['into'],
    content?: Buffer,
  ): Promise<Pending> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const cookie = ++this.#cookies
      const pending: Pending = { into, statuses: new Map(), resolve: () => resolve(pending), reject }
      this.#pending.set(cookie, pending)
      this.#socket.write(request(command, cookie, offset, length))
      if (content) this.#socket.write(content)
    })
  }

  async #readReplies(reader: ByteReader): Promise<void> {
    for (;;) {
      const magic = (await reader.take(4)).readUInt32BE(0)
      if (magic === simpleReplyMagic) this.#takeSimple(await reader.take(12))
      else if (magic === replyMagic) await this.#takeChunk(reader)
      else throw new Error('the server’s reply makes no sense')
    }
  }

  /** The answer to what gives nothing back. */
  #takeSimple(rest: Buffer): void {
    const pending = this.#asked(rest.readBigUInt64BE(4))
    const error = rest.readUInt32BE(0)
    if (error !== 0) pending.failure = new Error(`the server answers with error ${error}`)
    this.#finish(rest.readBigUInt64BE(4), pending)
  }

  async #takeChunk(reader: ByteReader): Promise<void> {
    const head = await reader.take(16)
    const [flags, type, cookie, length] = [
      head.readUInt16BE(0),
      head.readUInt16BE(2),
      head.readBigUInt64BE(4),
      head.readUInt32BE(12),
    ]
    if (length > mostReplyBytes) throw new Error('the server’s reply makes no sense')
    const body = await reader.take(length)
    const pending = this.#asked(cookie)
    take(pending, type, body)
    if ((flags & doneFlag) !== 0) this.#finish(cookie, pending)
  }

  #asked(cookie: bigint): Pending {
    const pending = this.#pending.get(cookie)
    if (!pending) throw new Error('the server answers what was not asked')
    return pending
  }

  #finish(cookie: bigint, pending: Pending): void {
    this.#pending.delete(cookie)
    if (pending.failure) pending.reject(pending.failure)
    else pending.resolve()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const pending of this.#pending.values()) pending.reject(this.#failure)
    this.#pending.clear()
  }
}

function take(pending: Pending, type: number, body: Buffer): void {
  if (type & errorBit) {
    const words = body.length > 6 ? body.subarray(6, 6 + body.readUInt16BE(4)).toString() : ''
    pending.failure ??= new Error(words || `the server answers with error ${body.readUInt32BE(0)}`)
  } else if (type === chunks.offsetData && pending.into) {
    const { buffer, offset } = pending.into
    const at = Number(body.readBigUInt64BE(0)) - offset
    if (at < 0 || at + body.length - 8 > buffer.length) throw new Error('the server sends more than was asked')
    body.copy(buffer, at, 8)
  } else if (type === chunks.blockStatus) {
    const extents = pending.statuses.get(body.readUInt32BE(0)) ?? []
    for (let at = 4; at + 8 <= body.length; at += 8)
      extents.push({ length: body.readUInt32BE(at), value: body.readUInt32BE(at + 4) })
    pending.statuses.set(body.readUInt32BE(0), extents)
  }
  // A hole leaves the zeros that are there.
}

class Negotiation {
  readonly #socket: Socket
  readonly #reader: ByteReader

  constructor(socket: Socket, reader: ByteReader) {
    this.#socket = socket
    this.#reader = reader
  }

  async contexts(name: string, wanted: readonly string[]): Promise<Map<string, number>> {
    const data = Buffer.concat([text(name), uint32(wanted.length), ...wanted.map(text)])
    const ids = new Map<string, number>()
    for (const { type, body } of await this.ask(options.setMetaContext, data))
      if (type === optionReplies.metaContext) ids.set(body.subarray(4).toString(), body.readUInt32BE(0))
    const missing = wanted.find((one) => !ids.has(one))
    if (missing) throw new Error(`the server knows no ${missing}`)
    return ids
  }

  /** Begin to use an export. @returns its size */
  async go(name: string): Promise<number> {
    const replies = await this.ask(options.go, Buffer.concat([text(name), Buffer.alloc(2)]))
    const info = replies.find(({ type, body }) => type === optionReplies.info && body.readUInt16BE(0) === 0)
    if (!info) throw new Error(`the server says nothing of the export ${name}`)
    return Number(info.body.readBigUInt64BE(2))
  }

  /** @returns the replies before the one that ends them */
  async ask(option: number, data: Buffer): Promise<{ type: number; body: Buffer }[]> {
    const head = Buffer.alloc(16)
    head.writeBigUInt64BE(optionMagic, 0)
    head.writeUInt32BE(option, 8)
    head.writeUInt32BE(data.length, 12)
    this.#socket.write(Buffer.concat([head, data]))
    const replies: { type: number; body: Buffer }[] = []
    for (;;) {
      const reply = await this.#reader.take(20)
      const length = reply.readUInt32BE(16)
      if (reply.readBigUInt64BE(0) !== optionReplyMagic || length > mostReplyBytes)
        throw new Error('the server’s reply makes no sense')
      const type = reply.readUInt32BE(12)
      const body = await this.#reader.take(length)
      if (type >= 2 ** 31) throw new Error(`the server refuses: ${body.toString() || `error ${type - 2 ** 31}`}`)
      if (type === optionReplies.ack) return replies
      replies.push({ type, body })
    }
  }
}

function request(command: number, cookie: bigint, offset: number, length: number): Buffer {
  const head = Buffer.alloc(28)
  head.writeUInt32BE(requestMagic, 0)
  head.writeUInt16BE(command, 6)
  head.writeBigUInt64BE(cookie, 8)
  head.writeBigUInt64BE(BigInt(offset), 16)
  head.writeUInt32BE(length, 24)
  return head
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const text = (value: string): Buffer => Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)])
