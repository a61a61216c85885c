import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endOnUncaught } from '@thresher/client/node/fatal'
import { parseConfig, UsageError } from './config.ts'
import { lineLog } from './log.ts'

/** The agent's process: until SIGTERM or SIGINT; with `--down`, until the host is cleared. Ends with 1 and one sentence on failure. */
async function main(): Promise<void> {
  const log = lineLog(2)
  const config = parseConfig(process.argv.slice(2))
  if (process.getuid?.() !== 0) throw new UsageError('the agent needs root: it makes network devices and changes users')
  endOnUncaught('agent', [config.runDir, config.dataDir, tmpdir()])
  keepCompiled(config.dataDir)
  if (config.down) {
    const { takeDown } = await import('./down.ts')
    console.log(await takeDown(config, log))
    return
  }
  if (!config.nodeName) throw new UsageError('--node-name is missing')
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => {
      log('info', `stopping on ${name}; guests run on`)
      stop.abort(new Error('the agent is stopping'))
    })
  process.on('unhandledRejection', (error) => log('error', `unexpected: ${(error as Error)?.stack ?? String(error)}`))
  const { runAgent } = await import('./agent.ts')
  await runAgent(config, stop.signal, log)
}

/** From the second start on the sources need no translation: a third of the start's time and 25 MB of memory less. */
function keepCompiled(dataDir: string): void {
  const folder = join(dataDir, 'compiled')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  enableCompileCache(folder)
}

try {
  await main()
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
