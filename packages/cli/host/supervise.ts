import { parseArgs } from 'node:util'
import { resolve } from 'node:path'
import { LineSink } from '@thresher/client/node/line-sink'
import { filesOf } from '../paths.ts'
import { takeCredentials } from './credentials.ts'
import { agentIsReady, prepareHost, runningProcesses, startAgent, startServer, waitFor } from './installation.ts'
import { writePidFile } from './process.ts'
import { readSettings } from './settings.ts'
import { Supervisor } from './supervisor.ts'
import { ensureUser, serverUser } from './users.ts'

/**
 * The process that keeps server and agent of an installation running: SIGTERM ends it and leaves them running, SIGHUP has it try
 * again at once what it had given up.
 */
const { values } = parseArgs({ options: { 'data-dir': { type: 'string' }, 'run-dir': { type: 'string' } } })
const paths = {
  app: resolve(import.meta.dirname, '../../..'),
  dataDir: resolve(values['data-dir']!),
  runDir: resolve(values['run-dir']!),
}
const files = filesOf(paths)
const sink = new LineSink(1, (lost) => `${new Date().toISOString()} ${lost} lines are missing here`)
const log = (message: string) => sink.line(`${new Date().toISOString()} ${message}`)

// After a start of the host the run folder is empty.
await prepareHost(paths)
writePidFile(files.pid('supervisor'))

const supervisor = new Supervisor(
  [
    {
      name: 'server',
      find: () => runningProcesses(paths).server,
      start: () => startServer(paths, readSettings(paths)),
    },
    {
      name: 'agent',
      find: () => runningProcesses(paths).agent,
      start: async () => {
        const agent = await startAgent(paths, readSettings(paths))
        await waitFor(() => agentIsReady(paths, agent.pid), agent, 'agent', files.log('agent'))
        return agent
      },
    },
  ],
  files.supervisorReport,
  log,
)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
process.on('SIGHUP', () => supervisor.tryAgain())
process.on('unhandledRejection', (error) => log(`unexpected: ${String(error)}`))

/** The server renews the agent's and the administrator's certificates in its own folder; from there they are taken over. */
const takeEveryMs = 6 * 3600 * 1000
setInterval(() => {
  ensureUser(serverUser)
    .then(({ uid }) => takeCredentials(paths, readSettings(paths), uid))
    .catch((error: unknown) => log(`the credentials could not be taken over: ${(error as Error).message}`))
}, takeEveryMs).unref()

await supervisor.run(stop.signal)
process.exit(0)
