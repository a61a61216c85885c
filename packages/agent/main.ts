import { runAgent } from './agent.ts'
import { parseConfig, UsageError } from './config.ts'
import { takeDown } from './down.ts'
import { lineLog } from './log.ts'

/** The agent's process: until SIGTERM or SIGINT; with `--down`, until the host is cleared. Ends with 1 and one sentence on failure. */
async function main(): Promise<void> {
  const log = lineLog((line) => void process.stderr.write(line))
  const config = parseConfig(process.argv.slice(2))
  if (process.getuid?.() !== 0) throw new UsageError('the agent needs root: it makes network devices and changes users')
  if (config.down) {
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
  await runAgent(config, stop.signal, log)
}

try {
  await main()
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
