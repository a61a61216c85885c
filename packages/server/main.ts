import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endOnUncaught } from '@thresher/client/node/fatal'
import { readConfig } from './config.ts'
import { log } from './log.ts'

/** The server as a program: runs until it is told to stop. */
async function main(args: string[]): Promise<void> {
  const config = readConfig(args)
  if (!config) return
  // What the server writes is for nobody else.
  process.umask(0o077)
  endOnUncaught('server', [config.runDir, config.dataDir, tmpdir()])
  keepCompiled(config.dataDir)
  const { startServer } = await import('./server.ts')
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
  // One forgotten promise must not end the API for everybody.
  process.on('unhandledRejection', (error) => log('error', `unexpected: ${(error as Error)?.stack ?? String(error)}`))
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
}

/** From the second start on the sources need no translation, which saves time and memory. */
function keepCompiled(dataDir: string): void {
  const folder = join(dataDir, 'compiled')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  enableCompileCache(folder)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  log('error', error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
