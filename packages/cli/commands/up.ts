import { existsSync } from 'node:fs'
import type { Command, Context, OptionValues } from '../command.ts'
import { buildDashboard } from '../host/dashboard.ts'
import { hostPackages, installPackages, missingPackages } from '../host/packages.ts'
import {
  agentIsReady,
  prepareHost,
  requireFreePort,
  requireRoot,
  runningProcesses,
  startAgent,
  startServer,
  waitFor,
} from '../host/installation.ts'
import { apiUrl, takeFirstAdministrator } from '../host/credentials.ts'
import { keepSettings, readSettings, type Settings } from '../host/settings.ts'
import { ensureUser, serverUser } from '../host/users.ts'
import { Progress } from '../output/progress.ts'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'

/** The options that decide how this host is set up. */
export const upOptions = [
  { flags: '--listen <address:port>', description: 'where the API listens (default 0.0.0.0:6443)' },
  { flags: '--node-name <name>', description: 'the name of this host in the cluster (default: its host name)' },
  { flags: '--agent-port <port>', description: 'where the agent listens (default 10250)' },
  { flags: '--guest-subnet <cidr>', description: 'the management network of the guests (default 10.52.0.0/16)' },
]

function settingsFrom(context: Context, options: OptionValues): Settings {
  const text = (name: string) => (typeof options[name] === 'string' ? (options[name] as string) : undefined)
  const given: Partial<Settings> = {}
  const listen = text('listen')
  if (listen !== undefined) given.listen = listen
  const nodeName = text('nodeName')
  if (nodeName !== undefined) given.nodeName = nodeName
  const agentPort = text('agentPort')
  if (agentPort !== undefined) given.agentPort = Number(agentPort)
  const guestSubnet = text('guestSubnet')
  if (guestSubnet !== undefined) given.guestSubnet = guestSubnet
  return readSettings(context.paths, given)
}

/** Install what is missing and start server and agent where they do not run yet. */
export async function bringUp(context: Context, options: OptionValues, progress: Progress): Promise<Settings> {
  requireRoot('thresher up')
  const { paths, signal } = context
  const settings = settingsFrom(context, options)
  const missing = await missingPackages(hostPackages)
  if (missing.length > 0) {
    console.error('Debian packages to install:')
    for (const { name, why } of missing) console.error(`    ${name.padEnd(22)} ${why}`)
    await progress.step('Install Debian packages', async () => {
      await installPackages(missing, signal)
      return `${missing.length} packages`
    })
  }
  const running = runningProcesses(paths)
  const files = filesOf(paths)
  await prepareHost(paths)
  keepSettings(paths, settings)
  if (!running.server) {
    await progress.step('Start the server', async () => {
      const [host, port] = [
        settings.listen.slice(0, settings.listen.lastIndexOf(':')),
        Number(settings.listen.split(':').at(-1)),
      ]
      await requireFreePort(host, port, '--listen')
      const { pid } = await startServer(paths, settings)
      return `pid ${pid}`
    })
    await showFirstAdministrator(paths)
  }
  const dashboard = buildDashboard(paths.app, signal)
  dashboard.catch(() => {})
  if (!running.agent) {
    await progress.step('Start the agent', async () => {
      await requireFreePort('0.0.0.0', settings.agentPort, '--agent-port')
      const agent = await startAgent(paths, settings)
      await waitFor(() => agentIsReady(paths, agent.pid), agent, 'agent', files.log('agent'))
      return `pid ${agent.pid}`
    })
  }
  await progress.step('Build the dashboard', () => dashboard)
  if (!existsSync(files.adminKubeconfig))
    throw new UserError(`the server runs, but ${files.adminKubeconfig} is missing. Run thresher down and up again.`)
  return settings
}

/** The password that was made at install is shown this once; the server keeps only its hash. */
async function showFirstAdministrator(paths: Paths): Promise<void> {
  const first = takeFirstAdministrator(paths, (await ensureUser(serverUser)).uid)
  if (!first) return
  console.error(
    `    The first administrator is "${first.name}", password ${first.password}  (shown only now; write it down)`,
  )
}

/** `thresher up`: this host as a one-host cluster. */
export const up: Command = {
  path: ['up'],
  summary: 'Install what is missing and start server and agent on this host',
  options: upOptions,
  examples: ['thresher up', 'thresher up --listen 192.0.2.10:6443'],
  async run(context, _args, options) {
    const before = runningProcesses(context.paths)
    const settings = await bringUp(context, options, new Progress())
    if (before.server && before.agent) console.log('Thresher is already running; nothing to do.')
    const files = filesOf(context.paths)
    console.log(`dashboard   ${apiUrl(settings.listen)}/`)
    console.log(`API         ${apiUrl(settings.listen)}`)
    console.log(`kubeconfig  ${files.adminKubeconfig}`)
    console.log(
      `try next    kubectl --kubeconfig ${files.adminKubeconfig} get nodes   ·   thresher status   ·   thresher demo`,
    )
  },
}
