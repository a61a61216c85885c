import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import type { Cgroup } from './cgroup.ts'
import { identityOf, type ProcessIdentity } from './process-identity.ts'
import { lastLines } from './qemu-file.ts'

/** The user that QEMU runs as. */
export interface QemuUser {
  uid: number
  gid: number
  /** Further groups, such as the one that may open /dev/kvm. */
  groups: number[]
}

/** How a QEMU, or the TPM beside it, is started. */
export interface Launch {
  program: string
  args: string[]
  user: QemuUser
  /** Where its own messages go. */
  logFile: string
  cgroup: Cgroup
  /** What starts a program where QEMU shall see less of the host. @see OpenView.enter */
  enter?: string[]
}

/** A started process and its end. */
export interface LaunchedProcess {
  identity: ProcessIdentity
  /** Resolves at once when the process ends. */
  exited: Promise<void>
}

/** QEMU, or what it needs beside it, could not be started. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError'
}

/**
 * Start a program detached from the agent: it lives on when the agent ends, as an unprivileged user that can gain no privilege,
 * in its own session and control group, with nothing of the agent's environment.
 *
 * @throws {LaunchError} when the program cannot be started
 */
export async function launch({ program, args, user, logFile, cgroup, enter = [] }: Launch): Promise<LaunchedProcess> {
  const log = openSync(logFile, 'a', 0o600)
  try {
    const [first = '', ...rest] = [...enter, 'setpriv', ...confinement(user), '--', program, ...args]
    const child = spawn(first, rest, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      cwd: '/',
    })
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (cause) =>
        reject(
          new LaunchError(`${first} cannot be started (${cause.message}); install the package util-linux`, { cause }),
        ),
      )
    })
    const pid = child.pid!
    cgroup.add(pid)
    child.unref()
    const identity = identityOf(pid)
    if (!identity) throw new LaunchError(`${basename(program)} ended at once: ${lastLines(logFile)}`)
    return { identity, exited }
  } finally {
    closeSync(log)
  }
}

/** @see setpriv(1) */
export function confinement({ uid, gid, groups }: QemuUser): string[] {
  return [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
    '--no-new-privs',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--bounding-set=-all',
  ]
}
