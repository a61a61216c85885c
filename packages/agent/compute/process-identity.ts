import { readFileSync } from 'node:fs'

/** A process, told apart from a later one with the same number by its start time. */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks after boot. */
  startTicks: string
}

/** USER_HZ is 100 on every architecture that Linux runs this on. */
export const ticksPerSecond = 100

/** Who has this number now; undefined when nobody or only a zombie has. @see proc(5), `/proc/pid/stat` */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, startTicks] = [fields[0], fields[19]]
    return state === 'Z' || state === 'X' || startTicks === undefined ? undefined : { pid, startTicks }
  } catch {
    return undefined
  }
}

/** Whether that very process still runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identityOf(process.pid)?.startTicks === process.startTicks
}

/** Send a signal to that very process; false when it is gone. */
export function signalProcess({ pid, startTicks }: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (identityOf(pid)?.startTicks !== startTicks) return false
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** Clock ticks of processor time that a process has used, in user and in kernel mode; 0 when it is gone. @see proc(5) */
export function cpuTicks({ pid }: ProcessIdentity): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return 0
  }
}

/** When a process was started, in milliseconds since 1970. */
export function startedAtMs({ startTicks }: ProcessIdentity): number {
  const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  return Math.round(Date.now() - uptimeSeconds * 1000 + (Number(startTicks) * 1000) / ticksPerSecond)
}

/** Resident bytes of a process; 0 when it is gone. */
export function residentBytes(pid: number): number {
  try {
    const kibibytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kibibytes ?? 0) * 1024
  } catch {
    return 0
  }
}
