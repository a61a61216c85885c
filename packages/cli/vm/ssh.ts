import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../host/run.ts'

/** How to log into a guest. */
export interface SshTarget {
  address: string
  user: string
  identityFile?: string
  /** The command by which ssh reaches the guest, where this host cannot by itself. */
  through?: string
  /** Where this installation remembers host keys: guests come and go, so not in the user's own file. */
  knownHosts: string
}

/** Arguments for ssh(1). A changed host key is refused by ssh itself, as anywhere. */
export function sshArguments(target: SshTarget, command: string[]): string[] {
  return [
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    `UserKnownHostsFile=${target.knownHosts}`,
    '-o',
    'LogLevel=ERROR',
    ...(target.through === undefined ? [] : ['-o', `ProxyCommand=${target.through}`]),
    ...(target.identityFile === undefined ? [] : ['-i', target.identityFile, '-o', 'IdentitiesOnly=yes']),
    `${target.user}@${target.address}`,
    ...(command.length === 0 ? [] : ['--', ...command]),
  ]
}

/** A file for host keys, one per virtual machine, so that a new guest with an old address is no surprise. */
export function knownHostsFile(folder: string, machineUid: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return join(folder, `known-hosts-${machineUid}`)
}

/** Hand the terminal over to ssh; its exit code. */
export function interactive(target: SshTarget, command: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', sshArguments(target, command), { stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 255))
  })
}

/** Run one command in the guest without a terminal. */
export function runInGuest(target: SshTarget, command: string[], signal?: AbortSignal) {
  const quick = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2', ...sshArguments(target, command)]
  return run('ssh', quick, { timeoutMs: 8_000, ...(signal ? { signal } : {}) })
}
