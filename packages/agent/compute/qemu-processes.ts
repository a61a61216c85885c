import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { userOf } from './process-user.ts'
import { identityOf, type ProcessIdentity } from './process-identity.ts'

/** A QEMU that was started for a run on this host. */
export interface QemuProcess {
  /** The run's UID, as its `-pidfile` tells. */
  uid: string
  /** The user that it runs as. */
  user: number
  identity: ProcessIdentity
  /** QEMU's arguments, without the program's name. */
  args: string[]
}

/**
 * All living QEMUs of the runs below a run folder, found by their arguments, whatever is left of their folders.
 *
 * @param mayBe whether a user with this number may be QEMU; anybody can give a process such arguments
 */
export function listQemus(runRoot: string, mayBe: (uid: number) => boolean): QemuProcess[] {
  return listProcesses(mayBe).flatMap(({ user, identity, args }) => {
    const uid = runOf(args, runRoot)
    return uid === undefined ? [] : [{ uid, user, identity, args: args.slice(args.lastIndexOf('-name')) }]
  })
}

/** All living processes of certain users, with their arguments. */
export function listProcesses(mayBe: (uid: number) => boolean): Omit<QemuProcess, 'uid'>[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry)
    if (!/^\d+$/.test(entry) || pid === process.pid) return []
    const user = userOf(pid)
    if (!mayBe(user)) return []
    const args = argumentsOf(pid)
    const identity = args && identityOf(pid)
    return identity ? [{ user, identity, args }] : []
  })
}

/** The living QEMU of one run. */
export function findQemu(runRoot: string, uid: string, mayBe: (uid: number) => boolean): QemuProcess | undefined {
  return listQemus(runRoot, mayBe).find((one) => one.uid === uid)
}

function runOf(args: string[], runRoot: string): string | undefined {
  const pidFile = args[args.indexOf('-pidfile') + 1]
  if (!args.includes('-pidfile') || !pidFile?.startsWith(`${runRoot}/`)) return undefined
  const [uid, name, ...more] = pidFile.slice(runRoot.length + 1).split('/')
  return uid && name === 'qemu.pid' && more.length === 0 ? uid : undefined
}

function argumentsOf(pid: number): string[] | undefined {
  try {
    return readFileSync(join('/proc', String(pid), 'cmdline'), 'utf8')
      .split('\0')
      .slice(0, -1)
  } catch {
    return undefined
  }
}
