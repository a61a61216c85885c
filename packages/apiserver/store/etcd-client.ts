import {
  requests,
  responses,
  type RangeRequest,
  type RangeResponse,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchResponse,
} from './etcd-messages.ts'
import { GrpcChannel, GrpcError, grpcStatus, type GrpcCredentials, type GrpcStream } from './grpc-channel.ts'
import { StoreError } from './store.ts'

/** The calls in use, with their requests and answers. */
interface Calls {
  Range: { request: RangeRequest; response: RangeResponse }
  Txn: { request: TxnRequest; response: TxnResponse }
  Compact: { request: { revision: number }; response: { header: { revision: number } } }
  Status: { request: Record<string, never>; response: StatusResponse }
}

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port` of each member. */
  endpoints: string[]
  /** PEM, for https. */
  tls?: GrpcCredentials
}

const methods = {
  Range: '/etcdserverpb.KV/Range',
  Txn: '/etcdserverpb.KV/Txn',
  Compact: '/etcdserverpb.KV/Compact',
  Watch: '/etcdserverpb.Watch/Watch',
  Status: '/etcdserverpb.Maintenance/Status',
  Snapshot: '/etcdserverpb.Maintenance/Snapshot',
} as const
/** A member that does not answer in this time is passed over. A new leader takes one to two seconds to be elected. */
const CALL_MS = 2500
const GIVE_UP_MS = 12_000
const PAUSE_MS = 100

/** Calls an etcd cluster: the member that answered last, and the others in turn when it does not. */
export class EtcdClient {
  readonly #members: GrpcChannel[]
  #preferred = 0
  #closed = false

  constructor({ endpoints, tls }: EtcdOptions) {
    this.#members = endpoints.map((endpoint) => new GrpcChannel(endpoint, tls))
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
      try {
        const answer = await this.#member.call(methods[name], requests[name](request as never), CALL_MS)
        return responses[name](answer) as Calls[Name]['response']
      } catch (cause) {
        const error = cause as Error
        const final = finalError(error)
        if (final) throw final
        this.#preferred += 1
        if (this.#closed || Date.now() > until) {
          throw new StoreError('Unavailable', `no member of etcd answers: ${error.message}`, { cause })
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
        onRetry?.()
      }
    }
  }

  /**
   * The changes of a range of keys, from the member that answers at present. They end with an error when that member loses
   * its leader: a member that is cut off from the majority would otherwise keep a watch open and silent.
   */
  openWatch(request: Parameters<typeof requests.Watch>[0]): {
    responses: AsyncIterable<WatchResponse>
    cancel(): void
  } {
    const stream = this.#member.stream(methods.Watch, requests.Watch(request), {
      headers: { hasleader: 'true' },
      open: true,
    })
    return { responses: decoded(stream, responses.Watch), cancel: () => stream.cancel() }
  }

  /** Prefer another member from now on. */
  passOver(): void {
    this.#preferred += 1
  }

  /** The whole database as etcd's own snapshot, in pieces. */
  openSnapshot(): AsyncIterable<Buffer> {
    return decoded(this.#member.stream(methods.Snapshot, Buffer.alloc(0)), responses.Snapshot)
  }

  close(): void {
    this.#closed = true
    for (const member of this.#members) member.close()
  }

  get #member(): GrpcChannel {
    return this.#members[this.#preferred % this.#members.length]!
  }
}

async function* decoded<T>(stream: GrpcStream, decode: (message: Buffer) => T): AsyncGenerator<T> {
  try {
    for await (const message of stream.messages) yield decode(message)
  } finally {
    stream.cancel()
  }
}

/** Asking again, here or elsewhere, may mend these. */
const passing: readonly number[] = [
  grpcStatus.unavailable,
  grpcStatus.deadlineExceeded,
  grpcStatus.cancelled,
  grpcStatus.internal,
  grpcStatus.unknown,
  grpcStatus.aborted,
]

/** The error that asking another member cannot mend. */
function finalError(error: Error): StoreError | undefined {
  const { message } = error
  if (message.includes('compacted')) return new StoreError('Compacted', message, { cause: error })
  if (message.includes('database space exceeded'))
    return new StoreError('Full', `etcd takes no more: ${message}`, { cause: error })
  if (!(error instanceof GrpcError) || passing.includes(error.code)) return undefined
  return new StoreError('Unavailable', `etcd refuses: ${message}`, { cause: error })
}
