import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cgroup, probeHierarchy } from '../cgroup.ts'
import { LaunchError } from '../process.ts'
import { isAlive } from '../process-identity.ts'
import { endTpm, findTpm, listTpms, startTpm, type TpmLaunch } from './tpm-process.ts'
import { TpmStore } from './tpm-store.ts'

const machine = { namespace: 'default', name: 'guest', uid: 'aaaaaaaa-1111-4222-8333-444455556666' }
/** Uid and gid that own nothing on any host. */
const user = { uid: 64_055, gid: 64_055, groups: [] }
const mayBe = (uid: number): boolean => uid === user.uid || uid === 0
let folder: string
let store: TpmStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tpm-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  chmodSync(join(folder, 'run'), 0o777)
  store = new TpmStore(join(folder, 'tpm'))
})
afterEach(async () => {
  for (const { identity } of listTpms(folder, mayBe)) await endTpm(identity)
  rmSync(folder, { recursive: true })
})

function options(more: Partial<TpmLaunch> = {}): TpmLaunch {
  const cgroup = new Cgroup(probeHierarchy(), 'none')
  return {
    stateFolder: store.open(machine, user),
    socket: join(folder, 'run', 'tpm.sock'),
    user,
    logFile: join(folder, 'tpm.log'),
    cgroup,
    ...more,
  }
}

describe('the process of a TPM', () => {
  it('is unprivileged, is found by its socket, and is gone when it was ended', async () => {
    const { identity, exited } = await startTpm(options())
    const status = readFileSync(`/proc/${identity.pid}/status`, 'utf8')
    expect(status).toMatch(/^Uid:\t64055\t64055/m)
    expect(status).toMatch(/^CapBnd:\t0+$/m)
    expect(status).toMatch(/^NoNewPrivs:\t1/m)
    const { socket } = options()
    expect(findTpm(socket, mayBe)).toEqual(identity)
    expect(findTpm(`${socket}2`, mayBe)).toBeUndefined()
    // Anybody can start a program with these arguments.
    expect(findTpm(socket, (uid) => uid === 1)).toBeUndefined()
    await endTpm(identity)
    await exited
    expect(isAlive(identity)).toBe(false)
  })

  it('that cannot be started says why', async () => {
    // A folder that is root's.
    await expect(startTpm(options({ socket: join(folder, 'tpm.sock') }))).rejects.toThrow(
      /ended at once: .*Permission denied/s,
    )
    await expect(startTpm(options({ program: '/missing/swtpm' }))).rejects.toThrow(LaunchError)
  })
})

describe('what a TPM remembers', () => {
  const file = (name: string): string => join(folder, 'tpm', machine.uid, name)

  it('is its run’s while it runs, then root’s, then the next run’s', () => {
    const opened = store.open(machine, user)
    writeFileSync(file('tpm2-00.permall'), 'sealed')
    expect(statSync(opened)).toMatchObject({ uid: user.uid, mode: 0o40700 })
    store.close(machine.uid)
    expect(statSync(opened).uid).toBe(0)
    expect(statSync(file('tpm2-00.permall'))).toMatchObject({ uid: 0, mode: 0o100600 })
    store.open(machine, { uid: 64_056, gid: 64_056 })
    expect(statSync(file('tpm2-00.permall')).uid).toBe(64_056)
    expect(readFileSync(file('tpm2-00.permall'), 'utf8')).toBe('sealed')
  })

  it('goes with its machine', () => {
    store.open(machine, user)
    expect(store.owners()).toEqual([machine])
    store.remove(machine.uid)
    expect(store.owners()).toEqual([])
    expect(existsSync(join(folder, 'tpm', machine.uid))).toBe(false)
    expect(() => store.remove('../x')).toThrow(RangeError)
    store.close(machine.uid)
  })

  it('gives nothing of the host to a user who put links there', () => {
    store.open(machine, user)
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'precious', { mode: 0o600 })
    symlinkSync(victim, file('link'))
    linkSync(victim, file('name'))
    mkdirSync(file('folder'))
    store.close(machine.uid)
    store.open(machine, user)
    expect(statSync(victim).uid).toBe(0)
    expect(readFileSync(victim, 'utf8')).toBe('precious')
    for (const name of ['link', 'name', 'folder']) expect(() => lstatSync(file(name))).toThrow('ENOENT')
  })

  it('is not opened where somebody put a link in the folder’s place', () => {
    mkdirSync(join(folder, 'tpm'), { recursive: true })
    mkdirSync(join(folder, 'elsewhere'))
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'tpm', machine.uid))
    expect(() => store.open(machine, user)).toThrow()
    expect(statSync(join(folder, 'elsewhere')).uid).toBe(0)
  })
})
