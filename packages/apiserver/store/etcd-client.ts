import { join } from 'node:path'
import {
  ChannelCredentials,
  Metadata,
  credentials,
  loadPackageDefinition,
  status,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { StoreError } from './store.ts'

export interface KeyValue {
  key: Buffer
  value: Buffer
  mod_revision: number
}

interface Header {
  header: { revision: number }
}

export interface RangeResponse extends Header {
  kvs: KeyValue[]
  more: boolean
}

export interface TxnResponse extends Header {
  succeeded: boolean
  responses: { response_range?: RangeResponse }[]
}

export interface WatchResponse extends Header {
  created: boolean
  canceled: boolean
  compact_revision: number
  cancel_reason: string
  events: { type: number; kv: KeyValue }[]
}

/** The calls in use, with their requests and answers. */
interface Calls {
  Range: {
    request: { key: Buffer; range_end?: Buffer; limit?: number; revision?: number; keys_only?: boolean }
    response: RangeResponse
  }
  Txn: { request: { compare: unknown[]; success: unknown[]; failure: unknown[] }; response: TxnResponse }
  Compact: { request: { revision: number }; response: Header }
  Status: { request: object; response: Header & { dbSize: number } }
}

type Unary = (
  request: unknown,
  options: CallOptions,
  done: (error: ServiceError | null, response: unknown) => void,
) => void

/** One member of the cluster. */
interface Member {
  endpoint: string
  clients: Record<'KV' | 'Watch' | 'Maintenance', Client>
}

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port` of each member. */
  endpoints: string[]
  /** PEM, for https. */
  tls?: { ca: string; cert: string; key: string }
}

const serviceOf = { Range: 'KV', Txn: 'KV', Compact: 'KV', Status: 'Maintenance' } as const
/** A member that does not answer in this time is passed over. A new leader takes one to two seconds to be elected. */
const CALL_MS = 2500
const GIVE_UP_MS = 12_000
const PAUSE_MS = 100

const channelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A member that is frozen or cut off keeps its connection open and answers nothing; pings find out.
  'grpc.keepalive_time_ms': 3000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
}

/** Calls an etcd cluster: the member that answered last, and the others in turn when it does not. */
export class EtcdClient {
  readonly #members: Member[]
  #preferred = 0
  #closed = false

  constructor({ endpoints, tls }: EtcdOptions) {
    const definition = loadSync(join(import.meta.dirname, 'etcd.proto'), {
      keepCase: true,
      longs: Number,
      defaults: true,
      oneofs: false,
    })
    const services = loadPackageDefinition(definition).etcdserverpb as unknown as Record<
      string,
      new (address: string, credentials: ChannelCredentials, options: object) => Client
    >
    const secure = tls
      ? credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.cert))
      : credentials.createInsecure()
    this.#members = endpoints.map((endpoint) => {
      const { host } = new URL(endpoint)
      const connect = (service: string) => new services[service]!(host, secure, channelOptions)
      return { endpoint, clients: { KV: connect('KV'), Watch: connect('Watch'), Maintenance: connect('Maintenance') } }
    })
  }

  /**
   * Call any member that answers.
   *
   * A call may have been carried out by a member that then failed to say so: make it such that doing it twice is harmless.
   * @param onRetry told before each further try
   * @throws {StoreError} `Unavailable` when no member answers in time; `Full` when etcd is over its quota; `Compacted`
   */
  async call<Name extends keyof Calls>(
    name: Name,
    request: Calls[Name]['request'],
    onRetry?: () => void,
  ): Promise<Calls[Name]['response']> {
    const until = Date.now() + GIVE_UP_MS
    for (;;) {
      const member = this.#members[this.#preferred % this.#members.length]!
      try {
        return await this.#callMember(member, name, request)
      } catch (cause) {
        const error = cause as ServiceError
        const final = finalError(error)
        if (final) throw final
        this.#preferred += 1
        if (this.#closed || Date.now() > until) {
          throw new StoreError('Unavailable', `no member of etcd answers: ${error.details ?? String(error)}`, { cause })
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
        onRetry?.()
      }
    }
  }

  #callMember<Name extends keyof Calls>(
    member: Member,
    name: Name,
    request: unknown,
  ): Promise<Calls[Name]['response']> {
    const client = member.clients[serviceOf[name]]
    const call = (client as unknown as Record<string, Unary>)[name]!.bind(client)
    return new Promise((resolve, reject) => {
      call(request, { deadline: Date.now() + CALL_MS }, (error, response) =>
        error ? reject(error) : resolve(response as Calls[Name]['response']),
      )
    })
  }

  /** Open a watch stream to the member that answers at present. It ends with an error when that member loses its leader. */
  openWatch(): ClientDuplexStream<unknown, WatchResponse> {
    const member = this.#members[this.#preferred % this.#members.length]!
    const client = member.clients.Watch as unknown as {
      Watch(metadata: Metadata): ClientDuplexStream<unknown, WatchResponse>
    }
    const metadata = new Metadata()
    // A member that is cut off from the majority would otherwise keep a watch open and silent.
    metadata.set('hasleader', 'true')
    return client.Watch(metadata)
  }

  /** Prefer another member from now on. */
  passOver(): void {
    this.#preferred += 1
  }

  /** The whole database as etcd's own snapshot. */
  openSnapshot(): ClientReadableStream<{ blob: Buffer }> {
    const member = this.#members[this.#preferred % this.#members.length]!
    const client = member.clients.Maintenance as unknown as {
      Snapshot(request: object): ClientReadableStream<{ blob: Buffer }>
    }
    return client.Snapshot({})
  }

  close(): void {
    this.#closed = true
    for (const { clients } of this.#members) for (const client of Object.values(clients)) client.close()
  }
}

/** The error that asking another member cannot mend. */
function finalError(error: ServiceError): StoreError | undefined {
  const details = error.details ?? ''
  if (details.includes('compacted')) return new StoreError('Compacted', details, { cause: error })
  if (details.includes('database space exceeded'))
    return new StoreError('Full', `etcd takes no more: ${details}`, { cause: error })
  const passing = [
    status.UNAVAILABLE,
    status.DEADLINE_EXCEEDED,
    status.CANCELLED,
    status.INTERNAL,
    status.UNKNOWN,
    status.ABORTED,
  ]
  if (passing.includes(error.code)) return undefined
  if (error instanceof Error && error.code !== undefined) {
    return new StoreError('Unavailable', `etcd refuses: ${details || error.message}`, { cause: error })
  }
  return undefined
}
