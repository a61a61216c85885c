import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import { adoptRuns } from '@thresher/agent/compute/adopt-runs'
import { Cgroup } from '@thresher/agent/compute/cgroup'
import type { ComputeHost } from '@thresher/agent/compute/host'
import type { RunPlan } from '@thresher/agent/compute/plan'
import { Run } from '@thresher/agent/compute/run'
import { endRuns, testHost, testInstance, testUids, writeTestGuest } from '@thresher/agent/compute/testing'
import { trustedSocket, UntrustedSocketError } from '@thresher/agent/compute/trusted-socket'
import { LocalDriver } from '@thresher/agent/storage/local'
import { StorageFolders } from '@thresher/agent/storage/storage-folders'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

/**
 * The actor is a guest that took over its own QEMU: it runs code of its choice as that QEMU's user, with that QEMU's groups, in that
 * QEMU's view of the host. Its victims are the other guest of this host and the host itself.
 *
 * Each attack is tried twice: from inside the QEMU's view, and with nothing but the user's rights, as where a host allows no view.
 */
let folder: string
let host: ComputeHost
let folders: StorageFolders
const runs: Run[] = []
const logs: string[] = []

async function start(uid: string): Promise<Run> {
  const vmi = testInstance(uid, {
    devices: {
      disks: [
        { name: 'root', disk: { bus: 'virtio' } },
        { name: 'seed', cdrom: { bus: 'sata' } },
      ],
    },
  })
  vmi.metadata.name = uid
  const plan: RunPlan = {
    vmi,
    places: placeDevices(readPlaces(), vmi.spec),
    pod: { name: uid, uid },
    volumes: [{ name: 'root', id: `pvc-${uid}`, readOnly: false, shared: false }],
    seeds: [{ name: 'seed', label: 'cidata', files: { 'user-data': `the secret of ${uid}` } }],
    scratch: [{ name: 'scratch', bytes: 1024 * 1024 }],
    nics: [],
  }
  const run = Run.start(host, plan, () => {})
  runs.push(run)
  await vi.waitUntil(() => ['running', 'ended'].includes(run.view().step), { timeout: 20_000, interval: 20 })
  expect(run.view().step, logs.join('; ')).toBe('running')
  return run
}

let attacker: Run
let victim: Run

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'escaped-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  folders = new StorageFolders(join(folder, 'data'))
  const storage = new LocalDriver({ folders, guestUids: testUids })
  await storage.start()
  host = {
    ...testHost(folder, logs),
    storage,
    volumeFolders: { writable: [folders.volumes], readOnly: [folders.images] },
  }
  expect(await host.view).toBeDefined()
  writeTestGuest(join(folder, 'guest.raw'))
  for (const uid of ['attacker', 'victim']) {
    await storage.create(`pvc-${uid}`, { kind: 'empty' }, 1024 * 1024)
    execFileSync('qemu-img', ['convert', '-n', '-O', 'qcow2', join(folder, 'guest.raw'), folders.volume(`pvc-${uid}`)])
  }
  writeFileSync(join(folder, 'data', 'host.key'), 'a secret of the host', { mode: 0o600 })
  attacker = await start('attacker')
  victim = await start('victim')
})

afterAll(async () => {
  await endRuns(runs)
  rmSync(folder, { recursive: true, force: true })
})

/** The identity of a living QEMU, for setpriv(1). */
function identityOf(run: Run): string[] {
  const pid = run.view().process!.pid
  const groups = execFileSync('sed', ['-n', 's/^Groups:[[:space:]]*//p', `/proc/${pid}/status`], { encoding: 'utf8' })
  const list = groups.trim().split(/\s+/).join(',')
  return [`--reuid=${run.user}`, `--regid=${run.user}`, list ? `--groups=${list}` : '--clear-groups', '--no-new-privs']
}

/** Where the attack comes from: what is put before its command. */
const places = {
  'in its view': () => {
    const pid = String(attacker.view().process!.pid)
    return ['nsenter', '--target', pid, '--mount', '--root', '--wd=/', '--', 'setpriv', ...identityOf(attacker), '--']
  },
  'as its user': () => ['setpriv', ...identityOf(attacker), '--'],
} as const
type Place = keyof typeof places

/** Run a program as the attacker; Perl is in every Debian, and reaches all system calls. */
function attack(place: Place, program: string, ...args: string[]): { succeeded: boolean; words: string } {
  const [first = '', ...rest] = places[place]()
  const { status, stdout, stderr } = spawnSync(first, [...rest, program, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { succeeded: status === 0, words: `${stdout}${stderr}` }
}
const perl = (place: Place, code: string, ...args: string[]) => attack(place, 'perl', '-e', code, ...args)

const connect =
  'use Socket; my $s; socket($s, PF_UNIX, SOCK_STREAM, 0) && connect($s, sockaddr_un($ARGV[0])) or die "$!"'
const read = 'open(my $f, "<", $ARGV[0]) && sysread($f, my $x, 1) or die "$!"'
const write = 'open(my $f, "+<", $ARGV[0]) or die "$!"'

/** What each attack does to the victim or the host. Each must fail. */
const attacks: Record<string, (place: Place) => { succeeded: boolean; words: string }> = {
  "connect to another's monitor": (place) => perl(place, connect, victim.folders.paths.qmp),
  "connect to another's display": (place) => perl(place, connect, victim.folders.paths.vnc),
  "connect to another's serial console": (place) => perl(place, connect, victim.folders.paths.serial),
  "connect to another's guest agent": (place) => perl(place, connect, victim.folders.paths.guestAgent),
  "read another's disk": (place) => perl(place, read, folders.volume('pvc-victim')),
  "write to another's disk": (place) => perl(place, write, folders.volume('pvc-victim')),
  "read another's cloud-init secrets": (place) => perl(place, read, join(victim.folders.secrets, 'seed0.iso')),
  "read another's empty disk": (place) => perl(place, read, join(victim.folders.scratch, '0.qcow2')),
  "read another's state": (place) => perl(place, read, join(victim.folders.folder, 'state.json')),
  "list another's run folder": (place) => attack(place, 'ls', victim.folders.folder),
  'list the volumes of the host': (place) => attack(place, 'ls', folders.volumes),
  "read another's memory": (place) => perl(place, read, `/proc/${victim.view().process!.pid}/mem`),
  "read another's environment": (place) => perl(place, read, `/proc/${victim.view().process!.pid}/environ`),
  "pass into another's view of the host": (place) => attack(place, 'ls', `/proc/${victim.view().process!.pid}/root/`),
  'kill another': (place) => perl(place, 'kill("KILL", $ARGV[0]) or die "$!"', String(victim.view().process!.pid)),
  'stop the agent': (place) => perl(place, 'kill(0, $ARGV[0]) or die "$!"', String(process.pid)),
  "read the host's key": (place) => perl(place, read, join(folder, 'data', 'host.key')),
  'read the shadow file': (place) => perl(place, read, '/etc/shadow'),
  'change its own configuration disk': (place) => perl(place, write, join(attacker.folders.secrets, 'seed0.iso')),
  'put a link in the place of its monitor': (place) =>
    perl(place, 'unlink($ARGV[0]) or die "$!"', attacker.folders.paths.qmp),
  'move its monitor away': (place) =>
    perl(place, 'rename($ARGV[0], "$ARGV[0].old") or die "$!"', attacker.folders.paths.qmp),
  'add a name to its run folder': (place) =>
    perl(place, 'symlink("/etc/shadow", $ARGV[0]) or die "$!"', join(attacker.folders.folder, 'screen.png')),
  'open its own folder again': (place) => perl(place, 'chmod(0777, $ARGV[0]) or die "$!"', attacker.folders.folder),
  'change its state file': (place) => perl(place, write, join(attacker.folders.folder, 'state.json')),
  'become root': (place) => perl(place, 'use POSIX; POSIX::setuid(0) or die "$!"'),
  "become another's user": (place) =>
    perl(place, 'use POSIX; POSIX::setuid($ARGV[0]) or die "$!"', String(victim.user)),
  'mount something': (place) => attack(place, 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp'),
}

describe.each(Object.keys(places) as Place[])('a guest that took over its QEMU cannot, %s,', (place) => {
  it.each(Object.keys(attacks))('%s', (name) => {
    const { succeeded, words } = attacks[name]!(place)
    expect(succeeded, words).toBe(false)
    // What was tried is what failed: not Perl, not a missing program.
    expect(words).toMatch(/Permission denied|No such file|not permitted|No such process|must be superuser/i)
  })

  it('do more than with its own: its monitor and its disk it does reach', () => {
    expect(perl(place, connect, attacker.folders.paths.vnc)).toMatchObject({ succeeded: true })
    expect(perl(place, write, folders.volume('pvc-attacker'))).toMatchObject({ succeeded: true })
  })
})

describe('a guest that took over its QEMU', () => {
  it('has a user of its own, and leaves the victim running', () => {
    expect(attacker.user).not.toBe(victim.user)
    expect(victim.view().step).toBe('running')
  })

  it('sees no process but its own and no folder of the host', () => {
    expect(attack('in its view', 'ls', '/').words.trim().split('\n')).not.toContain('root')
    const others = attack('in its view', 'ls', '/proc')
      .words.split('\n')
      .filter((name) => /^\d+$/.test(name))
    expect(others).not.toContain(String(victim.view().process!.pid))
    expect(others).not.toContain(String(process.pid))
    expect(attack('in its view', 'ls', join(folder, 'run')).words.trim()).toBe('attacker')
  })
})

describe('a run that ends', () => {
  it('takes along what its guest started, and leaves its disk to root alone', async () => {
    const storage = host.storage as LocalDriver
    await storage.create('pvc-third', { kind: 'empty' }, 1024 * 1024)
    execFileSync('qemu-img', ['convert', '-n', '-O', 'qcow2', join(folder, 'guest.raw'), folders.volume('pvc-third')])
    const run = await start('third')
    const { user } = run
    expect(statSync(folders.volume('pvc-third')).uid).toBe(user)
    const left = spawn('setpriv', [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', 'sleep', '600'])
    const ended = once(left, 'exit')
    new Cgroup(host.hierarchy, 'third').add(left.pid!)
    run.stop(0)
    await vi.waitUntil(() => run.view().step === 'ended', { timeout: 20_000, interval: 20 })
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(statSync(folders.volume('pvc-third'))).toMatchObject({ uid: 0, gid: 0 })
    expect(statSync(folders.volume('pvc-third')).mode & 0o777).toBe(0o600)
  })
})

describe('an agent that takes up a run whose folder was open to all QEMUs', () => {
  it("does not connect to a link, nor to another's socket, where the run's own should be", async () => {
    const mine = join(folder, 'sockets')
    mkdirSync(mine)
    const theirs = createServer().listen(join(mine, 'theirs.sock'))
    await new Promise((resolve) => theirs.once('listening', resolve))
    symlinkSync(victim.folders.paths.qmp, join(mine, 'link.sock'))
    try {
      for (const name of ['link.sock', 'theirs.sock', 'none.sock'])
        expect(() => trustedSocket(join(mine, name), attacker.user), name).toThrow(UntrustedSocketError)
      expect(trustedSocket(attacker.folders.paths.qmp, attacker.user)).toBe(attacker.folders.paths.qmp)
    } finally {
      theirs.close()
    }
  })

  it('closes it before it connects, and takes the guest for hung while its monitor is exchanged', async () => {
    const { folder: own, paths } = attacker.folders
    attacker.release()
    await attacker.settled()
    // As an earlier agent left it, and as an escaped guest used it.
    chmodSync(own, 0o1770)
    renameSync(paths.qmp, `${paths.qmp}.own`)
    symlinkSync(victim.folders.paths.qmp, paths.qmp)
    const adopted = adoptRuns(host, () => {})
    runs.push(...adopted)
    const again = adopted.find(({ uid }) => uid === 'attacker')!
    await vi.waitUntil(() => again.view().hung !== undefined, { timeout: 15_000, interval: 20 })
    expect(statSync(own).mode & 0o7777).toBe(0o710)
    expect(lstatSync(paths.qmp).isSymbolicLink()).toBe(true)
    expect(readdirSync(victim.folders.folder)).toContain('qmp.sock')
  })
})
