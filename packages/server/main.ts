import { readConfig } from './config.ts'
import { log } from './log.ts'
import { startServer } from './server.ts'

/** The server as a program: runs until it is told to stop. */
async function main(args: string[]): Promise<void> {
  const config = readConfig(args)
  if (!config) return
  const server = await startServer(config)
  let closing = false
  const stop = (signal: string) => {
    if (closing) return
    closing = true
    log('info', `stopping on ${signal}`)
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log('error', `the server did not stop cleanly: ${String(error)}`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  log('error', error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
