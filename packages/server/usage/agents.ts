import { Node } from '@thresher/api/core/node'
import { ApiError } from '@thresher/api/error'
import { matches } from '@thresher/api/matches'
import { HostUsage, longestMinutes, UsageHistory } from '@thresher/api/metrics/usage'
import type { Client } from '@thresher/client/client'
import { isTrue } from '@thresher/client/conditions'
import type { Condition } from '@thresher/api/meta'
import type { AgentDialer } from '../subresources/agent-dialer.ts'

/** How long a host may take: the figures of the others do not wait for one that is ill. */
const patienceMs = 3000

/** A host and what it says. */
export interface HostAnswer {
  node: Node
  usage: HostUsage
}

/** Asks the agents for usage. Hosts that do not answer are left out. */
export class UsageAgents {
  readonly #client: Client
  readonly #dialer: AgentDialer

  constructor(client: Client, dialer: AgentDialer) {
    this.#client = client
    this.#dialer = dialer
  }

  /** What every host and its machines use now. */
  async now(signal: AbortSignal): Promise<HostAnswer[]> {
    const nodes = await this.nodes()
    const answers = await Promise.all(
      nodes.map(async (node) => ({ node, usage: await this.#ask(node, '/usage', signal) })),
    )
    return answers.flatMap(({ node, usage }) => (matches(HostUsage, usage) ? [{ node, usage }] : []))
  }

  /** The past of these hosts, or of one machine on them. */
  async histories(
    nodes: readonly Node[],
    query: { minutes: number; machine?: { namespace: string; name: string } },
    signal: AbortSignal,
  ): Promise<UsageHistory[]> {
    const { minutes, machine } = query
    const path = `/usage/history?${new URLSearchParams({ minutes: String(minutes), ...machine }).toString()}`
    const answers = await Promise.all(nodes.map((node) => this.#ask(node, path, signal)))
    return answers.filter((answer) => matches(UsageHistory, answer))
  }

  /** Hosts whose agents can be asked. */
  async nodes(): Promise<Node[]> {
    const { items } = await this.#client.resource<Node>(Node).list()
    return items.filter(({ status }) => isTrue(status?.conditions as Condition[] | undefined, 'Ready'))
  }

  async #ask(node: Node, path: string, signal: AbortSignal): Promise<unknown> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
    try {
      const { status, body } = await this.#dialer.request(node.metadata.name ?? '', 'GET', path, undefined, limit)
      return status === 200 ? body : undefined
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  }
}

/** How far back is asked. @throws {ApiError} BadRequest */
export function minutesOf(query: URLSearchParams): number {
  const minutes = Number(query.get('minutes') ?? 60)
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= longestMinutes) return minutes
  throw new ApiError('BadRequest', `minutes must be a whole number from 1 to ${longestMinutes}`)
}
