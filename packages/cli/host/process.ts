import { spawn } from 'node:child_process'
import { mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A running process, told apart from a later one with the same number by its start time. */
export interface RunningProcess {
  pid: number
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  startTicks: string
}

/** When a process started, in clock ticks after boot; undefined when there is no such process or it is a zombie. @see proc(5) */
export function startTicksOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')
    return fields?.[0] === 'Z' ? undefined : fields?.[19]
  } catch {
    return undefined
  }
}

/** The process that a pid file names, if it still runs. */
export function readPidFile(file: string): RunningProcess | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const [pid, startTicks] = text.trim().split(' ')
  const running = startTicksOf(Number(pid))
  return running !== undefined && running === startTicks ? { pid: Number(pid), startTicks: running } : undefined
}

/** Start a program that outlives this one, its output appended to a log, and write its pid file. */
export async function startDetached(options: {
  program: string
  args: string[]
  logFile: string
  pidFile: string
  env?: NodeJS.ProcessEnv
}): Promise<RunningProcess> {
  mkdirSync(dirname(options.logFile), { recursive: true, mode: 0o755 })
  const log = openSync(options.logFile, 'a', 0o640)
  try {
    const child = spawn(options.program, options.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: options.env ?? process.env,
      cwd: '/',
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.unref()
    const pid = child.pid!
    const startTicks = startTicksOf(pid) ?? ''
    writeFileSync(options.pidFile, `${pid} ${startTicks}\n`, { mode: 0o644 })
    return { pid, startTicks }
  } finally {
    closeSync(log)
  }
}

/** Ask a process to end, then insist. True when it ended by itself within the time. */
export async function stopProcess(process_: RunningProcess, timeoutMs: number): Promise<boolean> {
  const gone = () => startTicksOf(process_.pid) !== process_.startTicks
  if (gone()) return true
  process.kill(process_.pid, 'SIGTERM')
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    if (gone()) return true
    await sleep(20)
  }
  if (!gone()) process.kill(process_.pid, 'SIGKILL')
  return false
}

/** Resident memory in bytes and uptime in seconds. @see proc(5) */
export function usageOf(pid: number): { memoryBytes: number; uptimeSeconds: number } | undefined {
  try {
    const kibibytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    const bootSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
    const ticksPerSecond = 100
    return {
      memoryBytes: Number(kibibytes ?? 0) * 1024,
      uptimeSeconds: Math.max(0, bootSeconds - Number(startTicksOf(pid) ?? 0) / ticksPerSecond),
    }
  } catch {
    return undefined
  }
}

/** Forget a pid file. */
export function removePidFile(file: string): void {
  rmSync(file, { force: true })
}
