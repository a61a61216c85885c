import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { ApiError } from '@thresher/api/error'
import { sampleSeconds, type CurrentUsage } from '@thresher/api/metrics/usage'
import { keyOf } from '@thresher/client/paths'
import type { SubresourceAnswer, SubresourceCall, SubresourceHandler } from '@thresher/apiserver/subresource'
import type { Tools } from '../subresources/handler.ts'
import { UsageAgents } from './agents.ts'

const group = 'metrics.k8s.io'
const version = 'v1beta1'
const apiVersion = `${group}/${version}`

/** An object of the resource metrics API. */
interface Metrics {
  metadata: { namespace?: string; name: string; labels?: Record<string, string> }
}

/**
 * `metrics.k8s.io/v1beta1`, which `kubectl top` and autoscalers read.
 *
 * @see https://github.com/kubernetes/metrics, `pkg/apis/metrics/v1beta1`
 */
export function resourceMetrics(tools: () => Tools): SubresourceHandler[] {
  const handler = (plural: 'nodes' | 'pods', namespaced: boolean): SubresourceHandler => ({
    group,
    version,
    plural,
    subresource: '',
    namespaced,
    methods: ['GET'],
    kind: plural === 'nodes' ? 'NodeMetrics' : 'PodMetrics',
    handle: (call) => (plural === 'nodes' ? nodeMetrics(call, tools()) : podMetrics(call, tools())),
  })
  return [handler('pods', true), handler('pods', false), handler('nodes', false)]
}

async function nodeMetrics(call: SubresourceCall, { client, dialer }: Tools): Promise<SubresourceAnswer> {
  const answers = await new UsageAgents(client, dialer).now(call.signal)
  const chosen = await selected(
    call,
    async (labelSelector) => (await client.resource<Node>(Node).list({ labelSelector })).items,
  )
  const items = answers.flatMap(({ node, usage }) =>
    usage.host?.rates && chosen(keyOf(node))
      ? [{ ...described('NodeMetrics', usage.host, node.metadata), usage: amounts(usage.host) }]
      : [],
  )
  return answer(call, 'NodeMetrics', items)
}

async function podMetrics(call: SubresourceCall, { client, dialer }: Tools): Promise<SubresourceAnswer> {
  const answers = await new UsageAgents(client, dialer).now(call.signal)
  const { namespace } = call
  const chosen = await selected(
    call,
    async (labelSelector) =>
      (await client.resource<Pod>(Pod).list({ labelSelector, ...(namespace ? { namespace } : {}) })).items,
  )
  const items = answers
    .flatMap(({ usage }) => usage.machines)
    .filter((machine) => (namespace === '' || machine.namespace === namespace) && machine.usage.rates)
    .filter((machine) => chosen(`${machine.namespace}/${machine.pod}`))
    .map(({ namespace: of, pod, usage }) => ({
      ...described('PodMetrics', usage, { namespace: of, name: pod }),
      containers: [{ name: 'compute', usage: amounts(usage) }],
    }))
  return answer(call, 'PodMetrics', items)
}

/** Which objects a label selector means; all without one. */
async function selected(
  { query }: SubresourceCall,
  list: (labelSelector: string) => Promise<readonly (Node | Pod)[]>,
): Promise<(key: string) => boolean> {
  const labelSelector = query.get('labelSelector')
  if (!labelSelector) return () => true
  const keys = new Set((await list(labelSelector)).map(keyOf))
  return (key) => keys.has(key)
}

function described(kind: string, usage: CurrentUsage, { namespace, name = '', labels }: Partial<Metrics['metadata']>) {
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace ? { namespace } : {}), ...(labels ? { labels } : {}) },
    timestamp: new Date(usage.atMs).toISOString(),
    window: `${sampleSeconds}s`,
  }
}

/** Nanocores and kibibytes, as the metrics server writes them. */
function amounts({ rates, counters }: CurrentUsage): { cpu: string; memory: string } {
  return { cpu: `${Math.round((rates?.cpu ?? 0) * 1e9)}n`, memory: `${Math.round(counters.memory / 1024)}Ki` }
}

function answer(call: SubresourceCall, kind: string, items: readonly Metrics[]): SubresourceAnswer {
  if (call.name === '') return { status: 200, body: { apiVersion, kind: `${kind}List`, metadata: {}, items } }
  const found = items.find(({ metadata }) => metadata.name === call.name)
  if (found) return { status: 200, body: found }
  throw new ApiError('NotFound', `${kind} of ${call.name} is not there (yet)`)
}
