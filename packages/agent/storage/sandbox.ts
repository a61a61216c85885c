import { spawn } from 'node:child_process'
import type { FileOwner } from './storage-folders.ts'

/** What a confined program may use. */
export interface Confinement {
  /** Nobody's files but those it is given; only possible for root. */
  user?: FileOwner
  /** The largest file it may write. */
  fileBytes?: number
  /** Seconds of processor time. */
  cpuSeconds?: number
}

/** How a confined program ended. */
export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  /** The end of what it said on standard error. */
  errors: string
}

const memoryBytes = 2 * 1024 ** 3
const mostOutput = 1024 * 1024
const mostErrors = 8 * 1024

/** How a confined program runs. */
export interface RunOptions {
  cwd: string
  signal?: AbortSignal
  /** Called with each piece of its standard output. */
  onText?: (text: string) => void
  /** Where its standard output goes instead. */
  outputFd?: number
}

/**
 * Run a program on data from outside: as another user, without a way to more rights, niced, with limits on memory,
 * processor time and file size. It dies with the signal and with this process.
 *
 * @throws the signal's reason when aborted; {Error} when it cannot be started
 */
export function runConfined(
  program: string,
  args: string[],
  confinement: Confinement,
  { cwd, signal, onText, outputFd }: RunOptions,
): Promise<Ending> {
  signal?.throwIfAborted()
  const { user, fileBytes, cpuSeconds = 3600 } = confinement
  const limits = [`--as=${memoryBytes}`, `--cpu=${cpuSeconds}`, '--core=0']
  if (fileBytes !== undefined) limits.push(`--fsize=${Math.max(0, Math.floor(fileBytes))}`)
  const command = ['nice', '-n', '10', 'setpriv', '--no-new-privs', '--pdeathsig', 'KILL', '--', program, ...args]
  return new Promise((resolve, reject) => {
    const child = spawn('prlimit', [...limits, ...command], {
      cwd,
      stdio: ['ignore', outputFd ?? 'pipe', 'pipe'],
      // A process group of its own, so that all it started ends with it.
      detached: true,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      ...(process.getuid?.() === 0 ? user : {}),
    })
    let out = ''
    let errors = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      onText?.(text)
      if (!onText && out.length < mostOutput) out += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-mostErrors)))
    const kill = () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, 'SIGKILL')
    }
    signal?.addEventListener('abort', kill, { once: true })
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      signal?.removeEventListener('abort', kill)
      if (signal?.aborted) return reject(signal.reason as Error)
      resolve({ code, signal: killedBy, out, errors })
    })
  })
}
