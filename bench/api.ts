/**
 * The API server beside the figures of kube-apiserver with etcd: same shapes, same numbers of clients.
 *
 * Server and load generator are processes of their own. CPU is that of the server's process and counts for each
 * operation; wall times depend on what else the machine does. A canned HTTPS answer and a bare SQLite commit, measured
 * in the same run, are the floor.
 *
 *     node bench/api.ts [--quick] [--only create,get] [--composed admin|user] [--profile FOLDER]
 *
 * `--composed` measures the product's whole server (RBAC, audit log, limits, controllers) instead of the API alone, as the
 * administrator or as a user with a role.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { startComposed } from './api-composed.ts'
import type { LoadResult, LoadTask } from './api-load.ts'
import { measureWatch } from './api-watch.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    profile: { type: 'string' },
    composed: { type: 'string' },
  },
})
const scale = values.quick ? 0.25 : 1
const only = values.only?.split(',')

interface Served {
  url: string
  ca: string
  cert: string
  key: string
  pid: number
}

const wanted = (name: string) => !only || only.some((one) => name.startsWith(one))

/** CPU seconds of a process so far, from /proc. @see proc(5), fields 14 and 15 in ticks of 10 ms */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const match = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) / 1024
}

function start(mode: string, directory: string): Promise<{ child: ChildProcess; served: Served }> {
  const execArgv = values.profile && mode === 'api' ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : []
  const child = fork(join(import.meta.dirname, 'api-server-process.ts'), [mode, directory], { execArgv })
  return new Promise((resolve, reject) => {
    child.once('message', (served) => resolve({ child, served: served as Served }))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit')
    child.once('exit', () => resolve())
    if (child.connected) child.disconnect()
  })
}

/** What is measured, and how to end it. */
async function startMeasured(directory: string): Promise<{ served: Served; end: () => Promise<void> }> {
  const { composed } = values
  if (!composed) {
    const { child, served } = await start('api', directory)
    return { served, end: () => stop(child) }
  }
  if (composed !== 'admin' && composed !== 'user') throw new Error('--composed takes admin or user')
  const { pid, target, stop: end } = await startComposed(directory, composed, values.profile)
  return { served: { ...target, pid }, end }
}

const generator = fork(join(import.meta.dirname, 'api-load.ts'))
const load = (task: LoadTask) =>
  new Promise<LoadResult>((resolve) => {
    generator.once('message', (result) => resolve(result as LoadResult))
    generator.send(task)
  })

const rows: Record<string, string>[] = []
const percentile = (sorted: number[], part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0

async function measure(
  served: Served,
  operation: LoadTask['operation'],
  clients: number,
  count: number,
  prefix: string,
) {
  const { pid, ...target } = served
  const before = cpuSeconds(pid)
  const result = await load({ ...target, operation, clients, count, prefix })
  const cpu = cpuSeconds(pid) - before
  const row = {
    operation: `${operation} c=${clients}`,
    'per second': (count / result.seconds).toFixed(0),
    'p50 ms': percentile(result.latencies, 0.5).toFixed(2),
    'p99 ms': percentile(result.latencies, 0.99).toFixed(2),
    'CPU-ms/op': ((cpu * 1000) / count).toFixed(3),
    'RSS MiB': memory(pid, 'VmRSS').toFixed(0),
    'peak MiB': memory(pid, 'VmHWM').toFixed(0),
    failures: Object.keys(result.failures).length > 0 ? JSON.stringify(result.failures) : '',
  }
  rows.push(row)
  console.log(Object.values(row).join('  '))
}

async function measureCommit(directory: string): Promise<void> {
  const store = await SqliteStore.open(join(directory, 'floor.db'))
  const value = new Uint8Array(2800).fill(120)
  const before = process.cpuUsage()
  const begun = performance.now()
  const count = 2000 * scale
  for (let index = 0; index < count; index += 1) await store.create(`/floor/x/${index}`, value)
  const seconds = (performance.now() - begun) / 1000
  const used = process.cpuUsage(before)
  rows.push({
    operation: 'floor: store commit c=1',
    'per second': (count / seconds).toFixed(0),
    'p50 ms': ((seconds * 1000) / count).toFixed(2),
    'CPU-ms/op': ((used.user + used.system) / 1000 / count).toFixed(3),
  })
  await store.close()
}

const directory = mkdtempSync(join(tmpdir(), 'thresher-bench-'))
try {
  await measureCommit(directory)
  const canned = await start('canned', join(directory, 'canned'))
  await measure(canned.served, 'canned', 16, 20_000 * scale, 'x')
  await stop(canned.child)
  const { served, end } = await startMeasured(join(directory, 'api'))
  const count = (full: number) => Math.max(1, Math.round(full * scale))
  if (wanted('create')) {
    await measure(served, 'create', 1, count(1000), 'a')
    await measure(served, 'create', 16, count(4000), 'b')
    await measure(served, 'create', 64, count(5000), 'c')
  }
  if (wanted('get')) {
    for (const clients of [1, 16, 64])
      await measure(served, 'get', clients, clients === 1 ? count(1000) : count(4000), clients === 1 ? 'a' : 'b')
    await measure(served, 'get-cached', 16, count(4000), 'b')
  }
  if (wanted('patch'))
    for (const clients of [1, 16, 64]) await measure(served, 'merge-patch', clients, count(1000), 'a')
  if (wanted('apply')) await measure(served, 'apply', 16, count(1000), 'a')
  if (wanted('list')) {
    await measure(served, 'list', 1, count(20), 'b')
    await measure(served, 'list', 4, count(40), 'b')
    await measure(served, 'list-paged', 1, count(8), 'b')
    await measure(served, 'list-selector', 1, count(200), 'b')
  }
  if (wanted('watch')) {
    const { pid } = served
    let before = 0
    const result = await measureWatch(
      served,
      { watchers: 100, perSecond: 100, seconds: values.quick ? 5 : 20 },
      () => (before = cpuSeconds(pid)),
    )
    const cpu = cpuSeconds(pid) - before
    rows.push({
      operation: 'watch 100 x 100/s',
      'per second': result.perSecond.toFixed(0),
      'p50 ms': percentile(result.latencies, 0.5).toFixed(2),
      'p99 ms': percentile(result.latencies, 0.99).toFixed(2),
      'CPU-ms/op': ((cpu * 1000) / result.delivered).toFixed(4),
      failures: result.delivered === result.expected ? '' : `${result.expected - result.delivered} not delivered`,
    })
  }
  if (wanted('delete')) await measure(served, 'delete', 64, count(4000), 'b')
  await end()
  console.table(rows)
} finally {
  generator.disconnect()
  rmSync(directory, { recursive: true, force: true })
}
