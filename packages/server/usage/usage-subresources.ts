import { ApiError } from '@thresher/api/error'
import { Node } from '@thresher/api/core/node'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { isReason } from '@thresher/api/error'
import { usageGroup, usageVersion, type CurrentUsage, type UsageHistory } from '@thresher/api/metrics/usage'
import type { SubresourceAnswer, SubresourceCall, SubresourceHandler } from '@thresher/apiserver/subresource'
import type { Tools } from '../subresources/handler.ts'
import { minutesOf, UsageAgents, type HostAnswer } from './agents.ts'
import { joined, since, sumOf } from './combine.ts'

const apiVersion = `${usageGroup}/${usageVersion}`
type Answering = (call: SubresourceCall, tools: Tools, agents: UsageAgents) => Promise<SubresourceAnswer>

/**
 * `metrics.thresher.io/v1`: `…/virtualmachines` and `…/nodes` say what is used now, `…/<name>/history?minutes=60` what was used, and
 * `…/clusterhistory` what the hosts used together. Nothing is kept here: the hosts' agents are asked.
 */
export function usageSubresources(tools: () => Tools): SubresourceHandler[] {
  const handler = (
    plural: string,
    subresource: string,
    namespaced: boolean,
    kind: string,
    answer: Answering,
  ): SubresourceHandler => ({
    group: usageGroup,
    version: usageVersion,
    plural,
    subresource,
    namespaced,
    methods: ['GET'],
    kind,
    handle: (call) => {
      const { client, dialer } = tools()
      return answer(call, { client, dialer }, new UsageAgents(client, dialer))
    },
  })
  return [
    handler('virtualmachines', '', true, 'VirtualMachineUsage', machinesNow),
    handler('virtualmachines', '', false, 'VirtualMachineUsage', machinesNow),
    handler('virtualmachines', 'history', true, 'UsageHistory', machineHistory),
    handler('nodes', '', false, 'NodeUsage', nodesNow),
    handler('nodes', 'history', false, 'UsageHistory', nodeHistory),
    handler('', 'clusterhistory', false, 'UsageHistory', clusterHistory),
  ]
}

const machinesNow: Answering = async (call, _tools, agents) => {
  const answers = await agents.now(call.signal)
  const items = answers.flatMap(({ node, usage }) =>
    usage.machines
      .filter(({ namespace }) => call.namespace === '' || namespace === call.namespace)
      .map(({ namespace, name, cpus, guestBytes, usage: current }) => ({
        ...described('VirtualMachineUsage', { namespace, name }, current),
        node: node.metadata.name,
        cpus,
        guestBytes,
      })),
  )
  return one(call, items, 'VirtualMachineUsage')
}

const nodesNow: Answering = async (call, _tools, agents) => {
  const answers = await agents.now(call.signal)
  return one(call, answers.flatMap(nodeItem), 'NodeUsage')
}

function nodeItem({ node, usage }: HostAnswer): object[] {
  return usage.host ? [described('NodeUsage', { name: node.metadata.name ?? '' }, usage.host)] : []
}

function described(kind: string, metadata: { namespace?: string; name: string }, current: CurrentUsage) {
  const { atMs, rates, counters } = current
  return { apiVersion, kind, metadata, timestamp: new Date(atMs).toISOString(), ...(rates ? { rates } : {}), counters }
}

/** The list, or the one that is named. */
function one(call: SubresourceCall, items: object[], kind: string): SubresourceAnswer {
  if (call.name === '') return { status: 200, body: { apiVersion, kind: `${kind}List`, metadata: {}, items } }
  const found = items.find((item) => (item as { metadata: { name: string } }).metadata.name === call.name)
  if (found) return { status: 200, body: found }
  throw new ApiError('NotFound', `${call.name} is not running, or its host does not answer`)
}

const machineHistory: Answering = async (call, { client }, agents) => {
  const minutes = minutesOf(call.query)
  const { namespace, name } = call
  const { metadata } = await client.resource<VirtualMachine>(VirtualMachine).get(name, namespace)
  const instance = await client
    .resource<VirtualMachineInstance>(VirtualMachineInstance)
    .get(name, namespace)
    .catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
  // The host it runs on comes last and counts most. Without one, any may have had it.
  const nodes = await agents.nodes()
  const current = instance?.status?.nodeName
  const ordered = nodes.toSorted((a, b) => Number(a.metadata.name === current) - Number(b.metadata.name === current))
  const found = joined(await agents.histories(ordered, { minutes, machine: { namespace, name } }, call.signal))
  return history(found && since(found, Date.parse(metadata.creationTimestamp ?? '') / 1000), minutes)
}

const nodeHistory: Answering = async (call, { client }, agents) => {
  const minutes = minutesOf(call.query)
  const node = await client.resource<Node>(Node).get(call.name)
  const [found] = await agents.histories([node], { minutes }, call.signal)
  return history(found, minutes)
}

const clusterHistory: Answering = async (call, _tools, agents) => {
  const minutes = minutesOf(call.query)
  return history(sumOf(await agents.histories(await agents.nodes(), { minutes }, call.signal)), minutes)
}

/** What was measured; nothing yet is no failure. */
function history(found: UsageHistory | undefined, minutes: number): SubresourceAnswer {
  const startSeconds = Math.floor(Date.now() / 1000) - minutes * 60
  const series = { cpu: [], memory: [], diskRead: [], diskWrite: [], networkReceive: [], networkTransmit: [] }
  const empty: UsageHistory = { startSeconds, stepSeconds: 30, series }
  return { status: 200, body: { apiVersion, kind: 'UsageHistory', metadata: {}, ...(found ?? empty) } }
}
