import { connect, type Socket } from 'node:net'
import type { Static, TSchema } from 'typebox'
import { Type } from '@thresher/api/type'
import { matches } from '@thresher/api/matches'

const Address = Type.Object({
  'ip-address': Type.String(),
  'ip-address-type': Type.String(),
  prefix: Type.Integer(),
})
const optionalText = Type.Optional(Type.String())

/**
 * The questions asked of the guest agent. Programs are run in the guest only where its owner's probe names them.
 *
 * @see https://www.qemu.org/docs/master/interop/qemu-ga-ref.html
 */
const questions = {
  'guest-info': Type.Object({
    version: Type.String(),
    supported_commands: Type.Array(Type.Object({ name: Type.String(), enabled: Type.Boolean() })),
  }),
  'guest-get-osinfo': Type.Object({
    id: optionalText,
    name: optionalText,
    'pretty-name': optionalText,
    version: optionalText,
    'version-id': optionalText,
    'kernel-release': optionalText,
    'kernel-version': optionalText,
    machine: optionalText,
  }),
  'guest-get-host-name': Type.Object({ 'host-name': Type.String() }),
  'guest-get-timezone': Type.Object({ zone: optionalText, offset: Type.Integer() }),
  'guest-network-get-interfaces': Type.Array(
    Type.Object({
      name: Type.String(),
      'hardware-address': optionalText,
      'ip-addresses': Type.Optional(Type.Array(Address)),
    }),
  ),
  'guest-get-fsinfo': Type.Array(
    Type.Object({
      name: Type.String(),
      mountpoint: Type.String(),
      type: Type.String(),
      'used-bytes': Type.Optional(Type.Integer()),
      'total-bytes': Type.Optional(Type.Integer()),
      disk: Type.Array(Type.Object({ serial: optionalText, 'bus-type': Type.String(), dev: optionalText })),
    }),
  ),
  'guest-get-users': Type.Array(
    Type.Object({ user: Type.String(), 'login-time': Type.Number(), domain: optionalText }),
  ),
  'guest-fsfreeze-status': Type.String(),
  'guest-fsfreeze-freeze': Type.Integer(),
  'guest-fsfreeze-thaw': Type.Integer(),
  'guest-ping': Type.Object({}),
  'guest-shutdown': Type.Object({}),
  'guest-ssh-add-authorized-keys': Type.Object({}),
  'guest-set-user-password': Type.Object({}),
  'guest-exec': Type.Object({ pid: Type.Integer() }),
  'guest-exec-status': Type.Object({
    exited: Type.Boolean(),
    exitcode: Type.Optional(Type.Integer()),
    signal: Type.Optional(Type.Integer()),
  }),
} satisfies Record<string, TSchema>

const Success = Type.Object({ return: Type.Unknown() })
const Refusal = Type.Object({ error: Type.Object({ desc: optionalText }) })

export type GuestQuestion = keyof typeof questions
export type GuestAnswer<Q extends GuestQuestion> = Static<(typeof questions)[Q]>

/** Put one question to the guest's agent. @throws {GuestAgentError} */
export type Ask = <Q extends GuestQuestion>(question: Q, args?: Record<string, unknown>) => Promise<GuestAnswer<Q>>

/** The guest agent refused, is silent, or speaks another language. */
export class GuestAgentError extends Error {
  override readonly name = 'GuestAgentError'
}

/** The guest agent is there and would not, such as for want of what it was asked for. */
export class GuestRefusedError extends GuestAgentError {}

/** The guest is not trusted: more than this in one answer is refused. */
const longestAnswer = 4 * 1024 * 1024
/** And more than this in one conversation: a guest that talks without end is let go at once. */
const longestTalk = 4 * longestAnswer

/**
 * Talk with the guest's agent over one connection, one question at a time.
 *
 * The channel has no framing across a guest's reboot: it is brought in step by `guest-sync-delimited` first.
 *
 * @param timeoutMs for all questions together
 * @throws {GuestAgentError} when the agent does not run, does not answer in time, or refuses
 */
export async function askGuest<T>(socketPath: string, timeoutMs: number, talk: (ask: Ask) => Promise<T>): Promise<T> {
  const channel = new Channel(connect({ path: socketPath }))
  const timer = setTimeout(() => channel.fail(`the guest agent did not answer within ${timeoutMs} ms`), timeoutMs)
  try {
    await channel.synchronize()
    return await talk((question, args) => channel.ask(question, args))
  } finally {
    clearTimeout(timer)
    channel.close()
  }
}

class Channel {
  readonly #socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #received = 0
  #waiting: { resolve(line: Buffer): void; reject(error: Error): void } | undefined
  #failure: GuestAgentError | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.length
      if (this.#received > longestTalk) return this.fail('the guest agent sent more than it was asked for')
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
      if (this.#buffer.length > longestAnswer) this.fail('the guest agent sent too long an answer')
      this.#offer()
    })
    socket.on('error', (error) => this.fail(`the guest agent's channel failed: ${error.message}`))
    socket.on('close', () => this.fail("the guest agent's channel was closed"))
  }

  fail(message: string): void {
    this.#failure ??= new GuestAgentError(message)
    this.#waiting?.reject(this.#failure)
    this.#waiting = undefined
    this.#socket.destroy()
  }

  close(): void {
    this.#socket.destroy()
  }

  /** The sentinel 0xFF resets the agent's parser; what it says before its own sentinel belongs to someone else. */
  async synchronize(): Promise<void> {
    const id = Math.floor(Math.random() * 2 ** 31)
    this.#socket.write(Buffer.from([0xff]))
    this.#socket.write(`${JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id } })}\n`)
    for (;;) {
      const line = await this.#line()
      const text = line.subarray(line.lastIndexOf(0xff) + 1).toString('utf8')
      try {
        const answer: unknown = JSON.parse(text)
        if (matches(Type.Object({ return: Type.Literal(id) }), answer)) return
      } catch {
        // The rest of an answer to an earlier connection.
      }
    }
  }

  async ask<Q extends GuestQuestion>(question: Q, args?: Record<string, unknown>): Promise<GuestAnswer<Q>> {
    this.#socket.write(`${JSON.stringify({ execute: question, ...(args ? { arguments: args } : {}) })}\n`)
    let answer: unknown
    try {
      answer = JSON.parse((await this.#line()).toString('utf8'))
    } catch (cause) {
      if (cause instanceof GuestAgentError) throw cause
      throw new GuestAgentError(`the guest agent answered ${question} with something that is not JSON`, { cause })
    }
    if (matches(Refusal, answer))
      throw new GuestRefusedError(`the guest agent refused ${question}: ${answer.error.desc ?? 'it gave no reason'}`)
    if (!matches(Success, answer) || !matches(questions[question], answer.return))
      throw new GuestAgentError(`the guest agent answered ${question} in an unknown form`)
    return answer.return as GuestAnswer<Q>
  }

  #line(): Promise<Buffer> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#offer()
    })
  }

  #offer(): void {
    const end = this.#buffer.indexOf(0x0a)
    if (end < 0 || !this.#waiting) return
    const line = this.#buffer.subarray(0, end)
    this.#buffer = this.#buffer.subarray(end + 1)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting.resolve(line)
  }
}
