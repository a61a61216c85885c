import { spawn } from 'node:child_process'
import { mkdirSync, openSync, closeSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  identityOf,
  isAlive,
  residentBytes,
  signalProcess,
  type ProcessIdentity,
} from '@thresher/agent/compute/process-identity'

/** The process that a pid file names, if it still runs. */
export function readPidFile(file: string): ProcessIdentity | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const [pid, startTicks] = text.trim().split(' ')
  const running = identityOf(Number(pid))
  return running?.startTicks === startTicks ? running : undefined
}

/** Say in a pid file who runs: this process unless said. Appears whole or not at all. */
export function writePidFile(file: string, pid = process.pid): ProcessIdentity {
  const startTicks = identityOf(pid)?.startTicks ?? ''
  writeFileSync(`${file}.new`, `${pid} ${startTicks}\n`, { mode: 0o644 })
  renameSync(`${file}.new`, file)
  return { pid, startTicks }
}

/** Start a program that outlives this one, its output appended to a log, and write its pid file. */
export async function startDetached(options: {
  program: string
  args: string[]
  logFile: string
  pidFile: string
  env?: NodeJS.ProcessEnv
}): Promise<ProcessIdentity> {
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
    return writePidFile(options.pidFile, pid)
  } finally {
    closeSync(log)
  }
}

/** Ask a process to end, then insist. True when it ended by itself within the time. */
export async function stopProcess(running: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  if (!signalProcess(running, 'SIGTERM')) return true
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    if (!isAlive(running)) return true
    await sleep(20)
  }
  signalProcess(running, 'SIGKILL')
  return false
}

/** Resident memory in bytes and uptime in seconds. @see proc(5) */
export function usageOf(pid: number): { memoryBytes: number; uptimeSeconds: number } | undefined {
  const running = identityOf(pid)
  if (!running) return undefined
  const bootSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  const ticksPerSecond = 100
  return {
    memoryBytes: residentBytes(pid),
    uptimeSeconds: Math.max(0, bootSeconds - Number(running.startTicks) / ticksPerSecond),
  }
}

/** Forget a pid file. */
export function removePidFile(file: string): void {
  rmSync(file, { force: true })
}
