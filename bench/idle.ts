/**
 * What the product costs while nothing happens: memory and CPU of server, agent and supervisor with one machine, the memory
 * of a further machine, and the network engines apart.
 *
 *     node bench/idle.ts [--seconds 60] [--further 5]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { waitUntil } from '@thresher/cli/vm/wait'
import { pidsOf, printFigures, processUsage } from './figures.ts'
import { install } from './installation.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, further: { type: 'string', default: '5' } },
})
const seconds = Number(values.seconds)
const further = Number(values.further)
const mebibyte = 1024 * 1024

await using installation = await install(202)
const { host, client } = installation

async function runMachine(name: string): Promise<void> {
  await installation.createMachine(name)
  await waitUntil(
    client,
    VirtualMachineInstance,
    { namespace: 'default', name },
    (one) => one?.status?.phase === 'Running',
    {
      timeoutMs: 120_000,
      what: name,
      signal: new AbortController().signal,
    },
  )
}

const pidOf = (program: string) => Number(readFileSync(join(host.runDir, `${program}.pid`), 'utf8').split(' ')[0])
const engineNames = ['ovsdb-server', 'ovs-vswitchd', 'ovn-northd', 'ovn-controller']
const enginePids = () => engineNames.flatMap((name) => pidsOf(name, host.runDir))

await runMachine('first')
/** The guest boots and caches settle. */
await sleep(30_000)
const programs = ['server', 'agent', 'supervisor']
const pids = programs.map(pidOf)
const usages = () => pids.map((pid) => processUsage(pid))
const total = (of: ReturnType<typeof usages>, part: 'residentBytes' | 'cpuSeconds') =>
  of.reduce((sum, one) => sum + one[part], 0)
const before = usages()
await sleep(seconds * 1000)
const after = usages()
const cpu = total(after, 'cpuSeconds') - total(before, 'cpuSeconds')
const agentBytes = after[1]!.residentBytes

const engines = enginePids().map((pid) => processUsage(pid))
const engineCpuBefore = engines.reduce((sum, one) => sum + one.cpuSeconds, 0)

for (let index = 0; index < further; index++) await runMachine(`further-${index}`)
await sleep(30_000)
const grown = processUsage(pids[1]!)
const qemu = pidsOf('qemu-system', host.runDir).map((pid) => processUsage(pid).residentBytes)

printFigures([
  ...programs.map((name, index) => ({
    name: `${name}, resident`,
    value: after[index]!.residentBytes / mebibyte,
    unit: 'MiB',
  })),
  {
    name: 'server + agent, resident',
    value: (after[0]!.residentBytes + agentBytes) / mebibyte,
    unit: 'MiB',
    limit: 250,
  },
  { name: `${programs.join(' + ')}, resident`, value: total(after, 'residentBytes') / mebibyte, unit: 'MiB' },
  {
    name: `${programs.join(' + ')}, CPU of one core over ${seconds} s`,
    value: (cpu / seconds) * 100,
    unit: '%',
    limit: 1,
  },
  {
    name: 'agent, resident per further machine',
    value: (grown.residentBytes - agentBytes) / mebibyte / Math.max(1, further),
    unit: 'MiB',
    limit: 2,
  },
  {
    name: 'OVS and OVN, resident together',
    value: engines.reduce((sum, one) => sum + one.residentBytes, 0) / mebibyte,
    unit: 'MiB',
    limit: 120,
  },
  { name: 'OVS and OVN, CPU seconds since their start', value: engineCpuBefore, unit: 's' },
  { name: 'one QEMU with 192 MiB, resident', value: Math.max(...qemu) / mebibyte, unit: 'MiB' },
])
