import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultGuestUids } from '@thresher/agent/guest-uids'
import { isAlive, signalProcess, type ProcessIdentity } from '@thresher/agent/compute/process-identity'
import { readTrusted } from '@thresher/client/node/trusted-file'
import { clusterOf } from '@thresher/server/known-store'
import type { Command, Context, Option, OptionValues } from '../command.ts'
import { buildDashboard } from '../host/dashboard.ts'
import { hostPackages, installPackages, missingPackages } from '../host/packages.ts'
import {
  agentIsReady,
  prepareHost,
  requireFreePort,
  requireRoot,
  runningProcesses,
  startSupervisor,
  stopProgram,
} from '../host/installation.ts'
import { lockInstallation } from '../host/lock.ts'
import { readPidFile } from '../host/process.ts'
import { readReport } from '../host/supervisor-report.ts'
import { apiUrl, readyServer, takeFirstAdministrator } from '../host/credentials.ts'
import { keepSettings, readSettings, type Settings } from '../host/settings.ts'
import { ensureUser, serverUser } from '../host/users.ts'
import { Progress } from '../output/progress.ts'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'

/** The options that decide how this host is set up. */
export const upOptions: Option[] = [
  { flags: '--listen <address:port>', description: 'where the API listens (default 0.0.0.0:6443)' },
  { flags: '--node-name <name>', description: 'the name of this host in the cluster (default: its host name)' },
  { flags: '--agent-port <port>', description: 'where the agent listens (default 10250)' },
  {
    flags: '--services <by>',
    description: 'who starts the programs again: systemd (default where it runs) or supervisor',
    choices: ['systemd', 'supervisor'],
  },
  { flags: '--guest-subnet <cidr>', description: 'the management network of the guests (default 10.52.0.0/16)' },
  {
    flags: '--guest-uids <first-last>',
    description: `the numbers of users and groups that are guests' alone on this host (default ${defaultGuestUids})`,
  },
  {
    flags: '--tunnel-device <nic>',
    description: 'the NIC for tunnels between hosts, if not that of the default route',
  },
  {
    flags: '--open-to-guests <ports>',
    description: 'TCP ports of this host that guests may reach beside the API, such as 80,443 (default none)',
  },
]

/** What was kept and what is given now. @throws {UserError} */
export function settingsFrom(context: Context, options: OptionValues): Settings {
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
  const guestUids = text('guestUids')
  if (guestUids !== undefined) given.guestUids = guestUids
  const tunnelDevice = text('tunnelDevice')
  if (tunnelDevice !== undefined) given.tunnelDevice = tunnelDevice
  const openToGuests = text('openToGuests')
  if (openToGuests !== undefined) given.openToGuests = openToGuests
  const services = text('services')
  if (services === 'systemd' || services === 'supervisor') given.services = services
  return readSettings(context.paths, given)
}

/** Install the Debian packages that a host needs and lacks. */
export async function installMissing(signal: AbortSignal, progress: Progress): Promise<void> {
  const missing = await missingPackages(hostPackages)
  if (missing.length === 0) return
  console.error('Debian packages to install:')
  for (const { name, why } of missing) console.error(`    ${name.padEnd(22)} ${why}`)
  await progress.step('Install Debian packages', async () => {
    await installPackages(missing, signal)
    return `${missing.length} packages`
  })
}

/** Install what is missing and start server and agent where they do not run yet. */
export async function bringUp(context: Context, options: OptionValues, progress: Progress): Promise<Settings> {
  requireRoot('thresher up')
  const { paths, signal } = context
  const settings = settingsFrom(context, options)
  await installMissing(signal, progress)
  const files = filesOf(paths)
  await prepareHost(paths)
  using lock = lockInstallation(paths, 'thresher up')
  void lock
  keepSettings(paths, settings)
  await startPrograms(paths, settings, progress)
  if (settings.role === 'management')
    await progress.step('Build the dashboard', () => buildDashboard(paths.app, signal))
  const held = { ...settings, cluster: clusterOf(readTrusted(join(files.agentData, 'ca.crt'))) }
  if (held.cluster !== settings.cluster) keepSettings(paths, held)
  return held
}

/** Have both programs started and kept running, and wait for each; what does not start is not left to be tried for ever. */
export async function startPrograms(paths: Paths, settings: Settings, progress: Progress): Promise<void> {
  const files = filesOf(paths)
  const before = runningProcesses(paths)
  const [host, port] = hostAndPort(settings.listen)
  const programs = settings.role === 'worker' ? (['agent'] as const) : (['server', 'agent'] as const)
  if (settings.role === 'management' && !before.server) await requireFreePort(host, port, '--listen')
  if (!before.agent) await requireFreePort('0.0.0.0', settings.agentPort, '--agent-port')
  const kept = readPidFile(files.pid('supervisor'))
  rmSync(files.supervisorReport, { force: true })
  if (kept) signalProcess(kept, 'SIGHUP')
  const supervisor = kept ?? (await startSupervisor(paths, settings))
  const { uid: owner } = await ensureUser(serverUser)
  const ready = {
    server: (pid: number) => readyServer(paths, owner) === pid && existsSync(files.agentKubeconfig),
    agent: (pid: number) => agentIsReady(paths, pid),
  }
  try {
    for (const name of programs) {
      // One that was just started again by the supervisor runs, but does not answer yet.
      const { pid } = before[name] ?? {}
      if (pid !== undefined && ready[name](pid)) continue
      await progress.step(`Start the ${name}`, async () => `pid ${await isReady(paths, name, ready[name], supervisor)}`)
      if (name === 'server') await showFirstAdministrator(paths)
    }
  } catch (error) {
    if (!kept) await stopProgram(paths, 'supervisor')
    throw error
  }
}

/** Wait until a supervised program is ready; its pid. @throws {UserError} with its own words when a start failed */
async function isReady(
  paths: Paths,
  name: 'server' | 'agent',
  ready: (pid: number) => boolean,
  supervisor: ProcessIdentity,
): Promise<number> {
  const files = filesOf(paths)
  for (;;) {
    const pid = runningProcesses(paths)[name]?.pid
    if (pid !== undefined && ready(pid)) return pid
    const failure = readReport(files.supervisorReport)[name]?.failure
    if (failure !== undefined) throw new UserError(failure)
    if (!isAlive(supervisor))
      throw new UserError(`the supervisor has ended; see ${files.log('supervisor')}, and run thresher up again.`)
    await sleep(25)
  }
}

const hostAndPort = (listen: string): [string, number] => [
  listen.slice(0, listen.lastIndexOf(':')),
  Number(listen.slice(listen.lastIndexOf(':') + 1)),
]

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
    const isRunning = before.agent && (before.server || settings.role === 'worker')
    if (isRunning) console.log('Thresher is already running; nothing to do.')
    if (settings.role === 'worker') return console.log(`This host is a worker of ${settings.server}.`)
    const files = filesOf(context.paths)
    console.log(`dashboard   ${apiUrl(settings.listen)}/`)
    console.log(`API         ${apiUrl(settings.listen)}`)
    console.log(`kubeconfig  ${files.adminKubeconfig}`)
    console.log(
      `try next    kubectl --kubeconfig ${files.adminKubeconfig} get nodes   ·   thresher status   ·   thresher demo`,
    )
  },
}
