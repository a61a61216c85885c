import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SubresourceAnswer, SubresourceCall, SubresourceHandler } from '@thresher/apiserver/subresource'
import type { Client } from '@thresher/client/client'
import type { AgentDialer } from './agent-dialer.ts'

/** What the handlers work with. */
export interface Tools {
  client: Client
  dialer: AgentDialer
}

/** One operation: where it is and what it does. */
export interface Operation {
  plural: 'virtualmachines' | 'virtualmachineinstances' | ''
  subresource: string
  methods: SubresourceHandler['methods']
  namespaced?: boolean
  handle?: (call: SubresourceCall, tools: Tools) => Promise<SubresourceAnswer>
  upgrade?: (call: SubresourceCall, raw: IncomingMessage, socket: Duplex, head: Buffer, tools: Tools) => Promise<void>
}

/** Accepted, as virtctl expects it of what takes effect later. */
export const accepted: SubresourceAnswer = { status: 202, body: '' }

/** The fields of a body that may be missing. */
export function fieldsOf(body: unknown): Record<string, unknown> {
  return body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {}
}

/** Whether the body asks only to check: `dryRun: ["All"]`. */
export function isDryRun(body: unknown): boolean {
  const { dryRun } = fieldsOf(body)
  return Array.isArray(dryRun) && dryRun.includes('All')
}
