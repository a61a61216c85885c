import { createHash } from 'node:crypto'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Ask } from './guest-agent.ts'

/** Who may log into a guest, by the names of its users. */
export interface GuestCredentials {
  /** All keys that may log in as a user. */
  keys: ReadonlyMap<string, readonly string[]>
  passwords: ReadonlyMap<string, string>
}

/** A guest's user, as it goes into a question to the agent. */
const userName = /^[A-Za-z0-9_.@-]{1,64}$/
const mostKeys = 256

/** Whether a machine has credentials that are given to its running guest. */
export function hasCredentials({ spec }: VirtualMachineInstance): boolean {
  return (spec.accessCredentials ?? []).some(
    ({ sshPublicKey, userPassword }) => sshPublicKey?.propagationMethod?.qemuGuestAgent ?? userPassword,
  )
}

/**
 * The credentials that are given to a running guest, from the Secrets that its machine names.
 *
 * @param secret a Secret's fields; rejects when it is not there
 * @throws {Error} that names the Secret and what is wrong with it
 */
export async function readCredentials(
  { spec }: VirtualMachineInstance,
  secret: (name: string) => Promise<Record<string, Buffer>>,
): Promise<GuestCredentials> {
  const keys = new Map<string, string[]>()
  const passwords = new Map<string, string>()
  for (const { sshPublicKey, userPassword } of spec.accessCredentials ?? []) {
    const users = sshPublicKey?.propagationMethod?.qemuGuestAgent?.users ?? []
    const keySource = sshPublicKey?.source?.secret?.secretName
    if (keySource && users.length > 0) {
      const found = keysIn(await secret(keySource))
      for (const user of users) keys.set(checked(user, keySource), [...(keys.get(user) ?? []), ...found])
    }
    const source = userPassword?.source?.secret?.secretName
    if (!source) continue
    for (const [user, value] of Object.entries(await secret(source)))
      passwords.set(checked(user, source), value.toString('utf8').trim())
  }
  return { keys, passwords }
}

function keysIn(fields: Record<string, Buffer>): string[] {
  const lines = Object.values(fields).flatMap((value) => value.toString('utf8').split('\n'))
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}

function checked(user: string, source: string): string {
  if (userName.test(user)) return user
  throw new Error(`the Secret ${source}: ${JSON.stringify(user)} is no user's name; use letters, digits and _ . @ -`)
}

/** A digest by which the same credentials are known again; it tells none of them. */
export function credentialsDigest({ keys, passwords }: GuestCredentials): string {
  return createHash('sha256')
    .update(JSON.stringify([[...keys], [...passwords]]))
    .digest('hex')
}

/**
 * Give credentials to a guest: each user's authorized keys become exactly these, so that a key that was taken back lets nobody in
 * any more; passwords are set.
 *
 * @throws {GuestAgentError} in the agent's words, such as that there is no such user
 */
export async function pushCredentials(ask: Ask, { keys, passwords }: GuestCredentials): Promise<void> {
  for (const [username, list] of keys)
    await ask('guest-ssh-add-authorized-keys', { username, keys: [...new Set(list)].slice(0, mostKeys), reset: true })
  for (const [username, password] of passwords)
    await ask('guest-set-user-password', {
      username,
      password: Buffer.from(password, 'utf8').toString('base64'),
      crypted: false,
    })
}
