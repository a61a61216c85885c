import { readdirSync, readFileSync } from 'node:fs'

/**
 * The user that a process runs as; -1 when it is gone. Not the owner of its folder in /proc: a process that hides its memory has root
 * there.
 *
 * @see proc_pid_status(5)
 */
export function userOf(pid: number): number {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? -1)
  } catch {
    return -1
  }
}

/** The users of all processes of this host. */
export function usersOfProcesses(): Set<number> {
  return new Set(readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? [userOf(Number(entry))] : [])))
}
