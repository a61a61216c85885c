import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { CredentialSync } from './credential-sync.ts'
import { GuestAgentError, type Ask } from './guest-agent.ts'
import { credentialsDigest, hasCredentials, readCredentials, type GuestCredentials } from './guest-credentials.ts'
import { testInstance } from './testing.ts'

const secrets: Record<string, Record<string, string>> = {
  keys: { key1: 'ssh-ed25519 AAAA one\n# a comment\n\nssh-ed25519 BBBB two', key2: 'ssh-ed25519 CCCC three' },
  passwords: { root: 'secret\n', admin: 'other' },
  odd: { 'a b; reboot': 'x' },
}
const secret = (name: string) =>
  secrets[name]
    ? Promise.resolve(Object.fromEntries(Object.entries(secrets[name]).map(([key, text]) => [key, Buffer.from(text)])))
    : Promise.reject(new Error(`the Secret default/${name}, which is not there`))

function machine(
  ...accessCredentials: VirtualMachineInstance['spec']['accessCredentials'] & {}
): VirtualMachineInstance {
  const vmi = testInstance('u1')
  return { ...vmi, spec: { ...vmi.spec, accessCredentials } }
}

const keysFor = (secretName: string, ...users: string[]) => ({
  sshPublicKey: { source: { secret: { secretName } }, propagationMethod: { qemuGuestAgent: { users } } },
})
const passwordsOf = (secretName: string) => ({
  userPassword: { source: { secret: { secretName } }, propagationMethod: { qemuGuestAgent: {} } },
})

describe('the credentials of a running guest', () => {
  it('come from the Secrets that its machine names', async () => {
    const vmi = machine(keysFor('keys', 'root', 'admin'), passwordsOf('passwords'))
    expect(hasCredentials(vmi)).toBe(true)
    const { keys, passwords } = await readCredentials(vmi, secret)
    const all = ['ssh-ed25519 AAAA one', 'ssh-ed25519 BBBB two', 'ssh-ed25519 CCCC three']
    expect(Object.fromEntries(keys)).toEqual({ root: all, admin: all })
    expect(Object.fromEntries(passwords)).toEqual({ root: 'secret', admin: 'other' })
  })

  it('are none where cloud-init gives them', () => {
    expect(hasCredentials(machine())).toBe(false)
    const noCloud = { source: { secret: { secretName: 'keys' } }, propagationMethod: { noCloud: {} } }
    expect(hasCredentials(machine({ sshPublicKey: noCloud }))).toBe(false)
  })

  it('are refused where a user has no name of one, or a Secret is not there', async () => {
    await expect(readCredentials(machine(passwordsOf('odd')), secret)).rejects.toThrow(/the Secret odd: "a b; reboot"/)
    await expect(readCredentials(machine(passwordsOf('none')), secret)).rejects.toThrow(/none, which is not there/)
    await expect(readCredentials(machine(keysFor('keys', '../root')), secret)).rejects.toThrow(/"\.\.\/root"/)
  })

  it('have a digest that tells none of them', () => {
    const digest = credentialsDigest({ keys: new Map(), passwords: new Map([['root', 'secret']]) })
    expect(digest).toMatch(/^[0-9a-f]{64}$/)
    expect(digest).not.toBe(credentialsDigest({ keys: new Map(), passwords: new Map([['root', 'other']]) }))
  })
})

describe('keeping them in the guest', () => {
  const credentials = (password: string): GuestCredentials => ({
    keys: new Map([['root', ['ssh-ed25519 AAAA']]]),
    passwords: new Map([['root', password]]),
  })

  /** A guest that remembers what it was given, or refuses. */
  function guest() {
    const given: unknown[] = []
    const state = { refuses: false, changes: 0 }
    const answer = ((question: string, args: unknown) => {
      if (state.refuses) return Promise.reject(new GuestAgentError(`the guest agent refused ${question}: no such user`))
      given.push([question, args])
      return Promise.resolve({})
    }) as unknown as Ask
    const sync = new CredentialSync(
      (talk) => talk(answer),
      () => state.changes++,
    )
    return { given, state, sync }
  }

  it('gives them once, and again when they change or the guest was started anew', async () => {
    const { given, state, sync } = guest()
    let password = 'one'
    sync.want(() => Promise.resolve(credentials(password)))
    await sync.look()
    await sync.look()
    expect(given).toEqual([
      ['guest-ssh-add-authorized-keys', { username: 'root', keys: ['ssh-ed25519 AAAA'], reset: true }],
      [
        'guest-set-user-password',
        { username: 'root', password: Buffer.from('one').toString('base64'), crypted: false },
      ],
    ])
    expect(sync.state).toEqual({ synchronized: true, message: '' })
    password = 'two'
    await sync.look()
    expect(given.length).toBe(4)
    sync.forget()
    await sync.look()
    expect(given.length).toBe(6)
    expect(state.changes).toBe(1)
  })

  it('says why they are not in the guest, and tries again', async () => {
    const { state, sync } = guest()
    state.refuses = true
    sync.want(() => Promise.resolve(credentials('one')))
    await sync.look()
    expect(sync.state).toEqual({
      synchronized: false,
      message: 'the guest agent refused guest-ssh-add-authorized-keys: no such user',
    })
    state.refuses = false
    await sync.look()
    expect(sync.state?.synchronized).toBe(true)
    sync.want(undefined)
    expect(sync.state).toBeUndefined()
  })
})
