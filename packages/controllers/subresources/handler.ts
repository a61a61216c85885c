import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Client } from '@thresher/client/client'
import type { AgentDialer } from './agent-dialer.ts'

/** A call of a subresource that may be made; of the API server's shape, with what is used of it. */
export interface Call {
  namespace: string
  name: string
  /** What follows the subresource in the path: `8080/tcp`. */
  rest: string
  method: string
  query: URLSearchParams
  body: unknown
  /** Names in lower case. */
  headers?: Record<string, string | string[] | undefined>
  /** Where the handler streams: the body as it comes. */
  stream?: Readable
  signal: AbortSignal
}

export interface Answer {
  status: number
  body: unknown
  contentType?: string
  /** In place of `body`: a file that is passed on as it comes. */
  bytes?: { source: Readable; headers: Record<string, string> }
}

/** A subresource as the API server takes it. */
export interface Handler {
  group: string
  version: string
  plural: string
  subresource: string
  namespaced: boolean
  methods: ('GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE')[]
  kind?: string
  streams?: boolean
  handle?(call: Call): Promise<Answer>
  upgrade?(call: Call, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
}

/** What the handlers work with. */
export interface Tools {
  client: Client
  dialer: AgentDialer
}

/** One operation: where it is and what it does. */
export interface Operation {
  plural: 'virtualmachines' | 'virtualmachineinstances' | ''
  subresource: string
  methods: Handler['methods']
  namespaced?: boolean
  handle?: (call: Call, tools: Tools) => Promise<Answer>
  upgrade?: (call: Call, raw: IncomingMessage, socket: Duplex, head: Buffer, tools: Tools) => Promise<void>
}

/** Accepted, as virtctl expects it of what takes effect later. */
export const accepted: Answer = { status: 202, body: '' }

/** The fields of a body that may be missing. */
export function fieldsOf(body: unknown): Record<string, unknown> {
  return body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {}
}

/** Whether the body asks only to check: `dryRun: ["All"]`. */
export function isDryRun(body: unknown): boolean {
  const { dryRun } = fieldsOf(body)
  return Array.isArray(dryRun) && dryRun.includes('All')
}
