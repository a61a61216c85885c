import { connect, type Socket } from 'node:net'
import { Type } from '@thresher/api/type'
import { matches, mismatches } from '@thresher/api/matches'
import { commands, QmpEvent, type Args, type Command, type Reply } from './qmp-commands.ts'

/** QEMU refused a command, answered in a form we do not know, or is gone. */
export class QmpError extends Error {
  /** QEMU's class of error (`GenericError`, `DeviceNotFound`, …), or what happened to the connection. */
  readonly reason: string

  constructor(reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'QmpError'
    this.reason = reason
  }
}

const Greeting = Type.Object({
  QMP: Type.Object({
    version: Type.Object({
      qemu: Type.Object({ major: Type.Integer(), minor: Type.Integer(), micro: Type.Integer() }),
    }),
  }),
})
const Failure = Type.Object({ class: Type.String(), desc: Type.String() })

interface Pending {
  command: Command
  resolve(reply: never): void
  reject(error: unknown): void
  settle(): void
}

/** A QMP message longer than this is a mistake; replies of hundreds of devices stay far below. */
const longestMessage = 4 * 1024 * 1024

/** How long a command may take unless its caller says otherwise. */
const defaultTimeoutMs = 10_000

/**
 * One connection to a QEMU's monitor socket. A second client of the same socket would wait for ever, so there is one
 * client per socket. Its end is QEMU's end: nothing else closes it.
 */
export class QmpClient {
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #handlers = new Set<(event: QmpEvent) => void>()
  readonly #closed = Promise.withResolvers<void>()
  readonly #greeted = Promise.withResolvers<string>()
  #buffer = ''
  #next = 1
  #ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#greeted.promise.catch(() => {})
    socket.setEncoding('utf8')
    socket.on('data', (text) => this.#receive(String(text)))
    socket.on('error', () => {})
    socket.on('close', () => this.#end())
  }

  /**
   * Connect and agree on capabilities.
   *
   * @throws {QmpError} `Unreachable` when nothing listens there; the signal's reason
   */
  static async connect(path: string, signal?: AbortSignal): Promise<QmpClient> {
    const socket = await openSocket(path, signal)
    const client = new QmpClient(socket)
    const abort = (): void => void socket.destroy()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await client.#greeted.promise
      await client.execute('qmp_capabilities', {}, signal)
      return client
    } catch (error) {
      socket.destroy()
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Resolves when the connection is over. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Be told of events from now on. Gives the way to stop that. */
  onEvent(handler: (event: QmpEvent) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /**
   * Run a command.
   *
   * @param signal gives up waiting; without one, ten seconds. QEMU may still carry the command out
   * @throws {QmpError} when QEMU refuses; the signal's reason when it does not answer in time
   */
  execute<C extends Command>(command: C, args: Args<C>, signal?: AbortSignal): Promise<Reply<C>> {
    if (this.#ended) return Promise.reject(new QmpError('Closed', `QEMU is gone; ${command} was not sent`))
    signal?.throwIfAborted()
    const id = this.#next++
    return new Promise<Reply<C>>((resolve, reject) => {
      const give = (error: unknown): void => {
        this.#pending.delete(id)
        pending.settle()
        reject(error)
      }
      const timer = signal
        ? undefined
        : setTimeout(
            () => give(new QmpError('Timeout', `QEMU did not answer ${command} within ${defaultTimeoutMs} ms`)),
            defaultTimeoutMs,
          )
      const abort = (): void => give(signal?.reason)
      const settle = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const pending: Pending = { command, resolve: resolve as (reply: never) => void, reject, settle }
      signal?.addEventListener('abort', abort, { once: true })
      this.#pending.set(id, pending)
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    })
  }

  /** Let go of the socket; QEMU runs on. */
  close(): void {
    this.#socket.destroy()
  }

  #receive(text: string): void {
    this.#buffer += text
    for (;;) {
      const end = this.#buffer.indexOf('\n')
      if (end < 0) break
      const line = this.#buffer.slice(0, end)
      this.#buffer = this.#buffer.slice(end + 1)
      if (line.trim() !== '') this.#message(line)
    }
    if (this.#buffer.length > longestMessage) this.#socket.destroy()
  }

  #message(line: string): void {
    let message: unknown
    try {
      message = JSON.parse(line)
    } catch {
      this.#socket.destroy()
      return
    }
    if (matches(QmpEvent, message)) {
      for (const handler of this.#handlers) handler(message)
      return
    }
    if (matches(Greeting, message)) {
      const { major, minor, micro } = message.QMP.version.qemu
      this.#greeted.resolve(`${major}.${minor}.${micro}`)
      return
    }
    this.#reply(message as Record<string, unknown>)
  }

  #reply(message: Record<string, unknown>): void {
    const id = Number(message['id'])
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    pending.settle()
    const { command } = pending
    const error = message['error']
    if (matches(Failure, error)) {
      pending.reject(new QmpError(error.class, `QEMU refused ${command}: ${error.desc}`))
    } else if (matches(commands[command].reply, message['return'])) {
      pending.resolve(message['return'] as never)
    } else {
      const [first] = mismatches(commands[command].reply, message['return'])
      const where = first ? `${first.path || 'its reply'} ${first.message}` : 'its reply is of another form'
      pending.reject(new QmpError('UnknownReply', `QEMU answered ${command} unexpectedly: ${where}`))
    }
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    const gone = new QmpError('Closed', 'QEMU closed its monitor')
    this.#greeted.reject(gone)
    for (const pending of this.#pending.values()) {
      pending.settle()
      pending.reject(gone)
    }
    this.#pending.clear()
    this.#closed.resolve()
  }
}

function openSocket(path: string, signal: AbortSignal | undefined): Promise<Socket> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const abort = (): void => {
      socket.destroy()
      reject(signal?.reason)
    }
    const settled = (): void => {
      signal?.removeEventListener('abort', abort)
      socket.removeAllListeners()
    }
    signal?.addEventListener('abort', abort, { once: true })
    socket.once('connect', () => {
      settled()
      resolve(socket)
    })
    socket.once('error', (cause) => {
      settled()
      reject(new QmpError('Unreachable', `no QEMU listens on ${path}`, { cause }))
    })
  })
}
