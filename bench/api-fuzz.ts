/**
 * Broken requests, as many as wanted, against an API server in a process of its own.
 *
 *     node bench/api-fuzz.ts [--requests 100000] [--seed 1]
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzz, type FuzzTarget } from '@thresher/apiserver/fuzz'

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const directory = mkdtempSync(join(tmpdir(), 'thresher-fuzz-'))
const child = fork(join(import.meta.dirname, 'api-server-process.ts'), ['api', directory])
let ended = false
child.on('exit', () => {
  ended = true
})
try {
  const target = await new Promise<FuzzTarget & { pid: number }>((resolve) => child.once('message', resolve as never))
  const begun = performance.now()
  const report = await fuzz(target, { requests: Number(values.requests), seed: Number(values.seed) })
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${target.pid}/status`, 'utf8'))?.[1]
  console.log(JSON.stringify(report.statuses))
  for (const fault of report.faults.slice(0, 20)) console.log(fault)
  console.log(
    `${report.requests} requests in ${((performance.now() - begun) / 1000).toFixed(0)} s, ${report.faults.length} faults, RSS ${Math.round(Number(rss) / 1024)} MiB`,
  )
  process.exitCode = report.faults.length > 0 || ended ? 1 : 0
} finally {
  child.kill()
  rmSync(directory, { recursive: true, force: true })
}
