import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Who uses a lab host: a process, and where it put the host's data. */
export interface HostClaim {
  pid: number
  /** When the process started, as the kernel counts: tells it from a later one with the same number. */
  started: string
  dataDir: string
}

/** A lab host is in use. */
export class HostInUseError extends Error {
  override readonly name = 'HostInUseError'
}

/**
 * Take a run folder for this process.
 *
 * @param dead cleans up after a process that ended without doing so
 * @throws {HostInUseError} when a living process has it
 */
export async function claimHost(
  runDir: string,
  dataDir: string,
  dead: (claim: HostClaim) => Promise<void>,
): Promise<void> {
  const found = readClaim(runDir)
  if (found && startOf(found.pid) === found.started)
    throw new HostInUseError(`${runDir} is in use by process ${found.pid}`)
  if (found) await dead(found)
  rmSync(runDir, { recursive: true, force: true })
  mkdirSync(runDir, { mode: 0o755 })
  const claim: HostClaim = { pid: process.pid, started: startOf(process.pid) ?? '', dataDir }
  writeFileSync(join(runDir, 'claim.json'), JSON.stringify(claim))
}

function readClaim(runDir: string): HostClaim | undefined {
  try {
    const { pid, started, dataDir } = JSON.parse(readFileSync(join(runDir, 'claim.json'), 'utf8')) as Partial<HostClaim>
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof dataDir !== 'string') return undefined
    return { pid, started, dataDir }
  } catch {
    return undefined
  }
}

/** @see proc_pid_stat(5), field 22; the program's name before may hold blanks and brackets */
function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}
