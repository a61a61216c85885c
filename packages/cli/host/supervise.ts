import { flushCompileCache } from 'node:module'
import { parseArgs } from 'node:util'
import { resolve } from 'node:path'
import { LineSink } from '@thresher/client/node/line-sink'
import { filesOf } from '../paths.ts'
import { readPidFile, writePidFile } from './process.ts'
import { Supervisor } from './supervisor.ts'
import { runStep } from './supervisor-step.ts'

/**
 * The process that keeps server and agent of an installation running: SIGTERM ends it and leaves them running, SIGHUP has it try
 * again at once what it had given up. It runs for years beside them, so it imports little and leaves the rest to {@link runStep}.
 */
const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    'run-dir': { type: 'string' },
    prepared: { type: 'boolean' },
    role: { type: 'string' },
  },
})
const paths = {
  app: resolve(import.meta.dirname, '../../..'),
  dataDir: resolve(values['data-dir']!),
  runDir: resolve(values['run-dir']!),
}
const files = filesOf(paths)
const isWorker = values.role === 'worker'
const sink = new LineSink(1, (lost) => `${new Date().toISOString()} ${lost} lines are missing here`)
const log = (message: string) => sink.line(`${new Date().toISOString()} ${message}`)

if (!values.prepared) {
  await runStep('prepare', paths)
  // Where the sources had to be translated, the translator stays in memory, 20 MiB: begin anew, as the same process, without it.
  flushCompileCache()
  process.execve!(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1), '--prepared'])
}
writePidFile(files.pid('supervisor'))

const program = (name: 'server' | 'agent') => ({
  name,
  find: () => readPidFile(files.pid(name)),
  async start() {
    await runStep(name, paths)
    const started = readPidFile(files.pid(name))
    if (!started) throw new Error(`the ${name} ended; see ${files.log(name)}`)
    return started
  },
})
const supervisor = new Supervisor(
  (isWorker ? (['agent'] as const) : (['server', 'agent'] as const)).map(program),
  files.supervisorReport,
  log,
)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
process.on('SIGHUP', () => supervisor.tryAgain())
process.on('unhandledRejection', (error) => log(`unexpected: ${String(error)}`))

const takeEveryMs = 6 * 3600 * 1000
// A worker's agent renews its own.
setInterval(() => {
  if (isWorker) return
  runStep('credentials', paths).catch((error: unknown) =>
    log(`the credentials could not be taken over: ${(error as Error).message}`),
  )
}, takeEveryMs).unref()

await supervisor.run(stop.signal)
process.exit(0)
