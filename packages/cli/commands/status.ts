import { Node } from '@thresher/api/core/node'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Client } from '@thresher/client/client'
import type { Command, Context } from '../command.ts'
import { runningProcesses } from '../host/installation.ts'
import { readSettings } from '../host/settings.ts'
import { usageOf } from '../host/process.ts'
import { bytes, columns, duration } from '../output/columns.ts'

interface Program {
  running: boolean
  pid?: number
  version?: string
  memoryBytes?: number
  uptimeSeconds?: number
}

/** What `thresher status -o json` prints. */
export interface StatusReport {
  server: Program
  agent: Program
  /** Where the server is, on a host that has none of its own. */
  workerOf?: string
  node?: { name: string; ready: boolean; message?: string }
  accelerator?: { kind: string; reason?: string; message?: string }
  virtualMachines?: { running: number }
}

/** Put together what this host and the API say. Parts that cannot be asked are left out. */
async function statusOf(context: Context): Promise<StatusReport> {
  const running = runningProcesses(context.paths)
  const program = (pid: number | undefined): Program =>
    pid === undefined ? { running: false } : { running: true, pid, ...usageOf(pid) }
  const report: StatusReport = { server: program(running.server?.pid), agent: program(running.agent?.pid) }
  const settings = readSettings(context.paths)
  if (settings.role === 'worker') return { ...report, workerOf: settings.server ?? 'a cluster elsewhere' }
  if (!running.server) return report
  const client = await context.client()
  report.server.version = (
    await client.transport.request<{ gitVersion: string }>({ method: 'GET', path: '/version' })
  ).gitVersion
  await addNode(client, settings.nodeName, report)
  const instances = await client.resource(VirtualMachineInstance).list({})
  report.virtualMachines = { running: instances.items.filter((one) => one.status?.phase === 'Running').length }
  return report
}

async function addNode(client: Client, name: string, report: StatusReport): Promise<void> {
  const nodes = await client.resource(Node).list({})
  const node = nodes.items.find((one) => one.metadata.name === name)
  if (!node) return
  const condition = (type: string) => node.status?.conditions?.find((one) => one.type === type)
  const ready = condition('Ready')
  const accelerated = condition('VirtualizationAccelerated')
  const version = node.status?.nodeInfo?.kubeletVersion
  if (version !== undefined && report.agent.running) report.agent.version = version
  report.node = { name, ready: ready?.status === 'True', ...(ready?.message ? { message: ready.message } : {}) }
  report.accelerator = {
    kind: accelerated?.status === 'True' ? 'kvm' : 'tcg',
    ...(accelerated?.reason ? { reason: accelerated.reason } : {}),
    ...(accelerated?.message ? { message: accelerated.message } : {}),
  }
}

function printed(report: StatusReport): string {
  const row = (name: string, program: Program) => [
    name,
    program.running ? 'running' : 'stopped',
    program.pid === undefined ? '-' : String(program.pid),
    program.version ?? '-',
    program.memoryBytes === undefined ? '-' : bytes(program.memoryBytes),
    program.uptimeSeconds === undefined ? '-' : duration(program.uptimeSeconds),
  ]
  const lines = [
    columns(
      ['PROGRAM', 'STATE', 'PID', 'VERSION', 'MEMORY', 'UPTIME'],
      [...(report.workerOf === undefined ? [row('server', report.server)] : []), row('agent', report.agent)],
    ),
  ]
  if (report.node)
    lines.push(
      '',
      `node         ${report.node.name}: ${report.node.ready ? 'ready' : `not ready (${report.node.message ?? 'no word from its agent'})`}`,
    )
  if (report.accelerator)
    lines.push(
      `accelerator  ${report.accelerator.kind}${report.accelerator.message ? `: ${report.accelerator.message}` : ''}`,
    )
  if (report.virtualMachines) lines.push(`VMs          ${report.virtualMachines.running} running`)
  if (report.workerOf !== undefined)
    lines.push('', `server       ${report.workerOf}; ask there for the cluster: thresher cluster status`)
  const isUp = report.workerOf === undefined ? report.server.running : report.agent.running
  if (!isUp) lines.push('', 'Start it with: thresher up')
  return lines.join('\n')
}

/** `thresher status`. */
export const status: Command = {
  path: ['status'],
  summary: 'Show server, agent, accelerator and running virtual machines of this host',
  options: [
    { flags: '-o, --output <format>', description: 'text or json', default: 'text', choices: ['text', 'json'] },
  ],
  async run(context, _args, options) {
    const report = await statusOf(context)
    console.log(options['output'] === 'json' ? JSON.stringify(report, null, 2) : printed(report))
  },
}
