import type { Duplex } from 'node:stream'
import { JsonFrames } from './json-frames.ts'
import { errorFrom, OvsdbError } from './ovsdb-error.ts'

interface Waiting {
  done(result: unknown): void
  fail(error: Error): void
  method: string
}

/** What the other side asks for without being asked: `update2`, `locked`, … */
export type Notification = (method: string, params: unknown[]) => void

/**
 * One JSON-RPC 1.0 connection, as ovsdb-server and the control sockets of Open vSwitch's daemons speak it.
 * The peer's echo requests (its probes) are answered here.
 */
export class JsonRpc {
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<OvsdbError>
  readonly #stream: Duplex
  readonly #frames = new JsonFrames()
  readonly #waiting = new Map<number, Waiting>()
  readonly #notify: Notification
  #nextId = 0
  #end: OvsdbError | undefined

  /** @param stream a connected socket; owned by the connection from here on */
  constructor(stream: Duplex, notify: Notification = () => {}) {
    this.#stream = stream
    this.#notify = notify
    this.closed = new Promise((done) => {
      const end = (error: OvsdbError) => {
        if (this.#end) return
        this.#end = error
        stream.destroy()
        for (const waiting of this.#waiting.values()) waiting.fail(error)
        this.#waiting.clear()
        done(error)
      }
      stream.on('data', (chunk: Buffer) => {
        try {
          for (const message of this.#frames.push(chunk)) this.#receive(message)
        } catch (cause) {
          end(new OvsdbError('Protocol', `unreadable answer: ${(cause as Error).message}`, { cause }))
        }
      })
      stream.once('error', (cause: Error) => end(new OvsdbError('Disconnected', cause.message, { cause })))
      stream.once('close', () => end(new OvsdbError('Disconnected', 'the peer closed the connection')))
    })
  }

  /**
   * Ask and wait for the answer.
   *
   * @throws {OvsdbError} the server's error, or `Disconnected` (the outcome is then unknown); the signal's reason
   */
  async request(method: string, params: unknown[], signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted()
    if (this.#end) throw this.#end
    const id = this.#nextId++
    return await new Promise((done, fail) => {
      const giveUp = () => {
        this.#waiting.delete(id)
        fail(signal?.reason as Error)
      }
      const settle = () => signal?.removeEventListener('abort', giveUp)
      signal?.addEventListener('abort', giveUp, { once: true })
      this.#waiting.set(id, {
        method,
        done: (result) => (settle(), done(result)),
        fail: (error) => (settle(), fail(error)),
      })
      this.#send({ method, params, id })
    })
  }

  /** End the connection; open requests fail with `Disconnected`. */
  close(): void {
    this.#stream.destroy()
  }

  #send(message: object): void {
    this.#stream.write(JSON.stringify(message))
  }

  #receive(message: unknown): void {
    const { id, method, params, result, error } = message as Record<string, unknown>
    if (typeof method === 'string') {
      const list = Array.isArray(params) ? params : []
      if (method === 'echo' && id !== null) this.#send({ id, result: list, error: null })
      else this.#notify(method, list)
      return
    }
    const waiting = this.#waiting.get(id as number)
    if (!waiting) return
    this.#waiting.delete(id as number)
    if (error !== null && error !== undefined) waiting.fail(errorFrom(error, waiting.method))
    else waiting.done(result)
  }
}
