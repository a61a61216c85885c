import type { Readable } from 'node:stream'
import type { Kind } from '@thresher/api/kind'
import type { IncomingBody } from './body/incoming-body.ts'
import type { Credentials, User } from './user.ts'

/** A request, however it came: over HTTPS or from within the process. */
export interface ServerRequest {
  /** In upper case. */
  method: string
  /** As on the wire, still percent-encoded, without the query. */
  path: string
  query: URLSearchParams
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>
  /** The body as it came; there once the caller is known and may do what he asks. */
  body?: Buffer
  /** Where the body's type is YAML, of which JSON is a part: what it says. Or why a body is not to be read, for whoever asks for it. */
  document?: { value: unknown; json: boolean } | { refusal: unknown }
  /** The body while nothing of it has been read. */
  incoming?: Pick<IncomingBody, 'read' | 'stream'>
  /** The body piece by piece, for handlers that declare it with `streams`. Check its type and length in the headers. */
  stream?: Readable
  /** Within the process: the body, parsed. It is copied before it is changed. */
  object?: unknown
  /** Who asks, if that is known already; otherwise the credentials are judged. */
  user?: User
  credentials?: Credentials
  /** Aborts when the caller has gone. */
  signal: AbortSignal
}

/** An answer that is complete. It can be had parsed or as bytes, each made only when asked for. */
export interface Answer {
  status: number
  contentType: string
  headers?: Record<string, string>
  /** The answer as a value, shared and read-only; for callers within the process and other encodings. */
  value(): unknown
  /** The answer as bytes in pieces of bounded size, made as they are taken. */
  chunks(): Iterable<Buffer>
  /** Bytes of all chunks together, where that is known beforehand. */
  length?: number
}

/** Where a stream's lines go. */
export interface StreamSink {
  /** @returns false when the receiver is behind: wait for {@link onDrain} */
  write(chunk: Buffer): boolean
  onDrain(listener: () => void): void
  end(): void
}

/** An answer that goes on: a watch. */
export interface StreamAnswer {
  status: number
  contentType: string
  headers?: Record<string, string>
  /** Begin to write; ends by itself or when the request's signal aborts. */
  stream(sink: StreamSink): void
  /** The same for callers within the process, as values. */
  values(): AsyncIterable<unknown>
  /** In place of {@link stream}: a file's bytes. Breaking off, they break the connection, so that nobody takes a part for the whole. */
  bytes?: Readable
}

/** An answer of bytes from a source that is read as the receiver takes them. Its length, when known, stands in the headers. */
export function bytesAnswer(status: number, bytes: Readable, headers: Record<string, string>): StreamAnswer {
  const refuse = () => {
    throw new Error('a file is not sent as events')
  }
  return {
    status,
    contentType: headers['content-type'] ?? 'application/octet-stream',
    headers,
    bytes,
    stream: refuse,
    values: refuse,
  }
}

export type ServerResponse = (Answer | StreamAnswer) & { warnings?: string[] }

/** Whether the answer is a watch. */
export function isStream(response: Answer | StreamAnswer): response is StreamAnswer {
  return 'stream' in response
}

/** An answer made of a value. */
export function valueAnswer(status: number, value: unknown, contentType = 'application/json'): Answer {
  return { status, contentType, value: () => value, chunks: () => [Buffer.from(JSON.stringify(value))] }
}

/** An answer of text. */
export function textAnswer(status: number, text: string, contentType = 'text/plain; charset=utf-8'): Answer {
  return { status, contentType, value: () => text, chunks: () => [Buffer.from(text)] }
}

/** What a request is about, read from its method, path and query. */
export interface RequestInfo {
  /** As authorization names it. */
  verb: string
  resourceRequest: boolean
  path: string
  group: string
  version: string
  /** Plural. */
  resource: string
  subresource: string
  /** What follows the subresource in the path, for those that have paths of their own. */
  rest: string
  namespace: string
  name: string
}

/** A request on a kind that is served. */
export interface ResourceCall {
  request: ServerRequest
  info: RequestInfo
  kind: Kind
  user: User
  dryRun: boolean
  /** Sent as Warning headers with the answer. */
  warnings: string[]
}
