import { UserError } from '../user-error.ts'
import { run } from './run.ts'

/** A system user's numbers. */
export interface SystemUser {
  name: string
  uid: number
  gid: number
}

/** The user that the server runs as, and the one that QEMU runs as. */
export const serverUser = 'thresher'
export const qemuUser = 'thresher-qemu'

/** Look a user up. */
async function findUser(name: string): Promise<SystemUser | undefined> {
  const { code, stdout } = await run('getent', ['passwd', name])
  const fields = stdout.trim().split(':')
  return code === 0 ? { name, uid: Number(fields[2]), gid: Number(fields[3]) } : undefined
}

/** Find a system user, or create it without home and login. @throws {UserError} */
export async function ensureUser(name: string): Promise<SystemUser> {
  const existing = await findUser(name)
  if (existing) return existing
  const made = await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
    name,
  ])
  const user = await findUser(name)
  if (!user) throw new UserError(`the system user ${name} could not be created: ${made.stderr.trim()}`)
  return user
}
