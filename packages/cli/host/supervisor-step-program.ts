import { parseArgs } from 'node:util'
import { resolve } from 'node:path'
import { filesOf, type Paths } from '../paths.ts'
import { takeCredentials } from './credentials.ts'
import { agentIsReady, prepareHost, startAgent, startServer, waitFor } from './installation.ts'
import { readSettings } from './settings.ts'
import type { Step } from './supervisor-step.ts'
import { ensureUser, serverUser } from './users.ts'

/** One step of the supervisor's, in a process of its own: it sends its parent why it failed, and ends with 1 then. */
const steps: Record<Step, (paths: Paths) => Promise<unknown>> = {
  /** After a start of the host the run folder is empty. */
  prepare: prepareHost,
  server: (paths) => startServer(paths, readSettings(paths)),
  async agent(paths) {
    const agent = await startAgent(paths, readSettings(paths))
    await waitFor(() => agentIsReady(paths, agent.pid), agent, 'agent', filesOf(paths).log('agent'))
  },
  /** The server renews the agent's and the administrator's certificates in its own folder; from there they are taken over. */
  async credentials(paths) {
    const { uid } = await ensureUser(serverUser)
    await takeCredentials(paths, readSettings(paths), uid)
  },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'data-dir': { type: 'string' }, 'run-dir': { type: 'string' } },
})
// Without its supervisor a step ends too: nothing may be started after `thresher down`.
process.once('disconnect', () => process.exit(1))
try {
  await steps[positionals[0] as Step]({
    app: resolve(import.meta.dirname, '../../..'),
    dataDir: values['data-dir']!,
    runDir: values['run-dir']!,
  })
  process.exit(0)
} catch (error) {
  process.send!((error as Error).message, () => process.exit(1))
}
