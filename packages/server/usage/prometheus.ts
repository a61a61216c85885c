import { textAnswer } from '@thresher/apiserver/request'
import type { RouteHandler } from '@thresher/apiserver/subresource'
import type { CurrentUsage, Measure } from '@thresher/api/metrics/usage'
import type { Tools } from '../subresources/handler.ts'
import { UsageAgents, type HostAnswer } from './agents.ts'

/** A family of samples: its name, and where its values come from. */
interface Family {
  name: string
  type: 'counter' | 'gauge'
  help: string
  measure: Measure
}

/** As the kubelet names them. @see Kubernetes `pkg/kubelet/metrics/collectors/resource_metrics.go` */
const hostFamilies: Family[] = [
  { name: 'node_cpu_usage_seconds_total', type: 'counter', help: 'CPU time of the host.', measure: 'cpu' },
  { name: 'node_memory_working_set_bytes', type: 'gauge', help: 'Memory in use on the host.', measure: 'memory' },
  { name: 'thresher_node_disk_read_bytes_total', type: 'counter', help: 'Read from disks.', measure: 'diskRead' },
  { name: 'thresher_node_disk_written_bytes_total', type: 'counter', help: 'Written to disks.', measure: 'diskWrite' },
  {
    name: 'thresher_node_network_receive_bytes_total',
    type: 'counter',
    help: 'Received by the uplinks.',
    measure: 'networkReceive',
  },
  {
    name: 'thresher_node_network_transmit_bytes_total',
    type: 'counter',
    help: 'Sent by the uplinks.',
    measure: 'networkTransmit',
  },
]

/** As KubeVirt names them. @see https://github.com/kubevirt/monitoring, `docs/metrics.md` */
const machineFamilies: Family[] = [
  { name: 'kubevirt_vmi_cpu_usage_seconds_total', type: 'counter', help: 'CPU time of the guest.', measure: 'cpu' },
  {
    name: 'kubevirt_vmi_memory_resident_bytes',
    type: 'gauge',
    help: 'Resident memory of the guest.',
    measure: 'memory',
  },
  {
    name: 'kubevirt_vmi_storage_read_traffic_bytes_total',
    type: 'counter',
    help: 'Read by the guest.',
    measure: 'diskRead',
  },
  {
    name: 'kubevirt_vmi_storage_write_traffic_bytes_total',
    type: 'counter',
    help: 'Written by the guest.',
    measure: 'diskWrite',
  },
  {
    name: 'kubevirt_vmi_network_receive_bytes_total',
    type: 'counter',
    help: 'Received by the guest.',
    measure: 'networkReceive',
  },
  {
    name: 'kubevirt_vmi_network_transmit_bytes_total',
    type: 'counter',
    help: 'Sent by the guest.',
    measure: 'networkTransmit',
  },
]

/**
 * `GET /metrics/resource`: usage of hosts and machines as Prometheus reads it. Beside `/metrics`, which is the server's own, so that a
 * scrape of that asks no host. Both take the right to get the path (`nonResourceURLs`), as the role system:monitoring has it.
 */
export function resourceMetricsRoute(tools: () => Tools): RouteHandler {
  return {
    method: 'GET',
    path: '/metrics/resource',
    async handle({ signal }) {
      const { client, dialer } = tools()
      const answers = await new UsageAgents(client, dialer).now(signal)
      return textAnswer(200, renderUsage(answers), 'text/plain; version=0.0.4; charset=utf-8')
    },
  }
}

/** Prometheus text of what hosts and machines have used. */
export function renderUsage(answers: readonly HostAnswer[]): string {
  const hosts = answers.flatMap(({ node, usage }) =>
    usage.host ? [{ labels: labelsOf({ node: node.metadata.name }), usage: usage.host }] : [],
  )
  const machines = answers.flatMap(({ node, usage }) =>
    usage.machines.map(({ namespace, name, usage: current }) => ({
      labels: labelsOf({ node: node.metadata.name, namespace, name }),
      usage: current,
    })),
  )
  const lines = [
    ...hostFamilies.flatMap((family) => render(family, hosts)),
    ...machineFamilies.flatMap((family) => render(family, machines)),
  ]
  return `${lines.join('\n')}\n`
}

function render({ name, type, help, measure }: Family, samples: { labels: string; usage: CurrentUsage }[]): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels, usage }) => `${name}{${labels}} ${usage.counters[measure]}`),
  ]
}

function labelsOf(labels: Record<string, string | undefined>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${(value ?? '').replace(/[\\"\n]/g, '_')}"`)
    .join(',')
}
