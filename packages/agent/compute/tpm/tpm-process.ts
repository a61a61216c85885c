import { setTimeout as delay } from 'node:timers/promises'
import type { Cgroup } from '../cgroup.ts'
import { launch, LaunchError, type LaunchedProcess, type QemuUser } from '../process.ts'
import { isAlive, signalProcess, type ProcessIdentity } from '../process-identity.ts'
import { lastLines } from '../qemu-file.ts'
import { listProcesses } from '../qemu-processes.ts'
import { waitForSocket } from '../wait-for-socket.ts'

/** The program that emulates a TPM. @see swtpm(8) */
export const tpmProgram = 'swtpm'

/** How a TPM is started. */
export interface TpmLaunch {
  /** Where it keeps its state; the user's own. */
  stateFolder: string
  /** Where QEMU speaks with it. */
  socket: string
  user: QemuUser
  logFile: string
  cgroup: Cgroup
  /** What starts it where it sees less of the host. @see OpenView.enter */
  enter?: string[]
  /** Other than {@link tpmProgram}. */
  program?: string
}

const startMs = 10_000
/** How long it has to write its state before it is killed. */
const endMs = 1000
/** How often one that is not this process's child is looked at: nothing reports its end. */
const lookEveryMs = 2000

/**
 * Start a TPM for one run: a process of its own beside QEMU, as unprivileged, that ends when QEMU does.
 *
 * @throws {LaunchError} when it cannot be started
 */
export async function startTpm(options: TpmLaunch): Promise<LaunchedProcess> {
  const { stateFolder, socket, user, logFile, cgroup, enter = [], program = tpmProgram } = options
  const args = [
    'socket',
    '--tpm2',
    '--tpmstate',
    `dir=${stateFolder},mode=0600`,
    '--ctrl',
    `type=unixio,path=${socket},mode=0600`,
    // Its only client is QEMU.
    '--terminate',
    '--seccomp',
    'action=kill',
  ]
  const launched = await launch({ program, args, user, logFile, cgroup, enter })
  const ended = new AbortController()
  void launched.exited.then(() => ended.abort(new LaunchError(`the TPM ended at once: ${lastLines(logFile)}`)))
  try {
    await waitForSocket(socket, AbortSignal.any([ended.signal, AbortSignal.timeout(startMs)]))
  } catch (cause) {
    await endTpm(launched.identity)
    if (cause instanceof LaunchError) throw cause
    throw new LaunchError(`the TPM did not listen within ${startMs / 1000} s: ${lastLines(logFile)}`, { cause })
  }
  return launched
}

/** The living TPM of the run whose TPM listens on this socket, found by its arguments. */
export function findTpm(socket: string, mayBe: (uid: number) => boolean): ProcessIdentity | undefined {
  return listProcesses(mayBe).find(({ args }) => isTpmOn(args, (path) => path === socket))?.identity
}

/** All living TPMs with sockets below a run folder, each with its socket. */
export function listTpms(
  runRoot: string,
  mayBe: (uid: number) => boolean,
): { socket: string; identity: ProcessIdentity }[] {
  return listProcesses(mayBe).flatMap(({ args, identity }) => {
    let socket = ''
    const ours = isTpmOn(args, (path) => {
      socket = path
      return path.startsWith(`${runRoot}/`)
    })
    return ours ? [{ socket, identity }] : []
  })
}

function isTpmOn(args: string[], matches: (socket: string) => boolean): boolean {
  const control = args[args.indexOf('--ctrl') + 1]
  const path = /^type=unixio,path=([^,]+)/.exec(args.includes('--ctrl') ? (control ?? '') : '')?.[1]
  return args.includes('--tpmstate') && path !== undefined && matches(path)
}

/** Make sure that a TPM is gone. Resolves no earlier. */
export async function endTpm(process: ProcessIdentity): Promise<void> {
  signalProcess(process, 'SIGTERM')
  for (let waitedMs = 0; isAlive(process); waitedMs += 5) {
    if (waitedMs === endMs) signalProcess(process, 'SIGKILL')
    await delay(waitedMs < 5000 ? 5 : 500)
  }
}

/** Call back once when a TPM is gone. @param exited of one that is this process's child */
export function watchTpm(
  process: ProcessIdentity,
  exited: Promise<void> | undefined,
  signal: AbortSignal,
  onGone: () => void,
): void {
  if (exited) return void exited.then(() => !signal.aborted && onGone())
  const look = setInterval(() => {
    if (isAlive(process)) return
    clearInterval(look)
    onGone()
  }, lookEveryMs)
  look.unref()
  signal.addEventListener('abort', () => clearInterval(look), { once: true })
}
