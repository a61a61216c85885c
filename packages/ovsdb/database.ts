import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Endpoint, type TlsFiles } from './endpoint.ts'
import { JsonRpc } from './json-rpc.ts'
import { errorFrom, OvsdbError } from './ovsdb-error.ts'
import { Replica, type Change } from './replica.ts'
import type { Operation, Row, Schema, Tables, Values } from './schema.ts'

export interface DatabaseOptions<T extends Tables> {
  schema: Schema<T>
  /** Tried in turn; the members of a cluster, or the one server. */
  endpoints: Endpoint[]
  /** For `ssl:` endpoints; asked anew for each connection, so that renewed certificates are used. */
  tls?: (() => TlsFiles) | undefined
  /** Pause before the first and the longest before later attempts to connect, in milliseconds; 50 and 2000 unless given. */
  backoffMs?: { first: number; most: number }
  /** How long a TCP connection may be silent before it is probed, and again before it is given up; 5000 unless given. */
  probeMs?: number
}

/** The result of one operation: the new row's identity after an insert, the number of rows after a change. */
export interface OperationResult {
  uuid?: string
  count?: number
}

type Listener<T extends Tables> = (changes: Change<T>[]) => void

/**
 * A database of an ovsdb-server, with a replica of the declared tables and columns that the server keeps up to date.
 *
 * Connects by itself, and again after every loss, with a growing pause. The replica keeps its last contents while there
 * is no connection; on return only the difference is announced.
 */
export class Database<T extends Tables> implements AsyncDisposable {
  readonly schema: Schema<T>
  readonly #options: DatabaseOptions<T>
  readonly #replica: Replica<T>
  readonly #listeners = new Set<Listener<T>>()
  readonly #linkListeners = new Set<(connected: boolean) => void>()
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  #link: JsonRpc | undefined
  #failure: Error | undefined

  constructor(options: DatabaseOptions<T>) {
    this.schema = options.schema
    this.#options = options
    this.#replica = new Replica(options.schema.tables)
    this.#running = this.#run()
  }

  /** Whether the replica is being kept up to date now. */
  get connected(): boolean {
    return this.#link !== undefined
  }

  /** Why there is no connection. */
  get failure(): Error | undefined {
    return this.#link ? undefined : this.#failure
  }

  /** Resolves when the replica has the server's contents. @throws the signal's reason; `Closed` */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#connection(signal)
  }

  /** A table's rows by their identity; a live view. */
  rows<N extends keyof T & string>(table: N): ReadonlyMap<string, Row<T[N]>> {
    return this.#replica.rows(table)
  }

  /** The row whose column has this value; indexed. */
  find<N extends keyof T & string, C extends keyof T[N] & string>(
    table: N,
    column: C,
    value: Values<T[N]>[C],
  ): Row<T[N]> | undefined {
    return this.#replica.find(table, column, value)
  }

  /**
   * Carry out the operations, all or none. Waits for a connection first.
   *
   * @throws {OvsdbError} the first failed operation's error; `Disconnected` when the outcome is unknown
   * @throws the signal's reason
   */
  async transact(operations: readonly Operation[], signal?: AbortSignal): Promise<OperationResult[]> {
    if (operations.length === 0) return []
    const link = await this.#connection(signal)
    const answer = await link.request('transact', [this.schema.database, ...operations], signal)
    if (!Array.isArray(answer)) throw new OvsdbError('Protocol', 'a transaction was answered without results')
    return answer.map((result: unknown, at) => {
      if (result === null) throw new OvsdbError('aborted', 'an earlier operation of the transaction failed')
      const { error, uuid, count } = result as { error?: unknown; uuid?: unknown; count?: unknown }
      if (error !== undefined) {
        const operation = operations[at]
        throw errorFrom(result, operation ? `${operation.op} ${String(operation['table'])}` : 'commit')
      }
      return {
        ...(Array.isArray(uuid) && typeof uuid[1] === 'string' ? { uuid: uuid[1] } : {}),
        ...(typeof count === 'number' ? { count } : {}),
      }
    })
  }

  /** Hear of every change of the replica, one call for what arrived together. @returns how to stop it */
  onChange(listener: Listener<T>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Hear when the connection comes and goes. @returns how to stop it */
  onConnection(listener: (connected: boolean) => void): () => void {
    this.#linkListeners.add(listener)
    return () => this.#linkListeners.delete(listener)
  }

  /** The first value other than undefined that `look` finds, now or after a change. @throws the signal's reason; `Closed` */
  until<R>(look: () => R | undefined, signal?: AbortSignal): Promise<R> {
    return this.#await(look, (check) => this.onChange(check), signal)
  }

  /** End the connection for good. */
  async close(): Promise<void> {
    this.#closing.abort(new OvsdbError('Closed', `the connection to ${this.schema.database} was closed`))
    this.#link?.close()
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #connection(signal?: AbortSignal): Promise<JsonRpc> {
    return this.#await(
      () => this.#link,
      (check) => this.onConnection(check),
      signal,
    )
  }

  #await<R>(look: () => R | undefined, subscribe: (check: () => void) => () => void, signal?: AbortSignal): Promise<R> {
    const stop = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    return new Promise((done, fail) => {
      if (stop.aborted) return fail(stop.reason as Error)
      const found = look()
      if (found !== undefined) return done(found)
      const end = () => {
        unsubscribe()
        stop.removeEventListener('abort', giveUp)
      }
      const giveUp = () => (end(), fail(stop.reason as Error))
      const unsubscribe = subscribe(() => {
        const value = look()
        if (value === undefined) return
        end()
        done(value)
      })
      stop.addEventListener('abort', giveUp, { once: true })
    })
  }

  async #run(): Promise<void> {
    const { first, most } = this.#options.backoffMs ?? { first: 50, most: 2000 }
    const signal = this.#closing.signal
    let pause = first
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#session(attempt)
        pause = first
      } catch (error) {
        this.#failure = error as Error
      }
      if (signal.aborted) break
      await sleep(pause, undefined, { signal }).catch(() => {})
      pause = Math.min(pause * 2, most)
    }
  }

  /** One connection from its start to its end; throws when it could not be made. */
  async #session(attempt: number): Promise<void> {
    const { endpoints, schema, tls } = this.#options
    const endpoint = endpoints[attempt % endpoints.length]
    if (!endpoint) throw new OvsdbError('Protocol', `no endpoint is given for ${schema.database}`)
    const stream = await connect(endpoint, endpoint.startsWith('ssl:') ? tls?.() : undefined, this.#closing.signal)
    const early: unknown[] = []
    const link: JsonRpc = new JsonRpc(stream, (method, params) => {
      if (method !== 'update2') return
      if (this.#link === link) this.#announce(this.#replica.apply(params[1]))
      else early.push(params[1])
    })
    const stopProbing = this.#probe(link, endpoint)
    try {
      const wanted = Object.fromEntries(
        Object.entries(schema.tables).map(([table, columns]) => [table, [{ columns: Object.keys(columns) }]]),
      )
      const contents = await link.request(
        'monitor_cond',
        [schema.database, schema.database, wanted],
        this.#closing.signal,
      )
      const changes = this.#replica.reset(contents)
      for (const update of early) changes.push(...this.#replica.apply(update))
      this.#link = link
      this.#announce(changes)
      this.#announceLink(true)
      this.#failure = await link.closed
    } finally {
      stopProbing()
      link.close()
      if (this.#link === link) {
        this.#link = undefined
        this.#announceLink(false)
      }
    }
  }

  /** Ends a connection whose other side went silent: on TCP a dead host is noticed in no other way. */
  #probe(link: JsonRpc, endpoint: Endpoint): () => void {
    if (endpoint.startsWith('unix:')) return () => {}
    const every = this.#options.probeMs ?? 5000
    const probe = setInterval(() => {
      link.request('echo', [], AbortSignal.timeout(every)).catch(() => link.close())
    }, every)
    return () => clearInterval(probe)
  }

  #announce(changes: Change<T>[]): void {
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes)
  }

  #announceLink(connected: boolean): void {
    for (const listener of this.#linkListeners) listener(connected)
  }
}
