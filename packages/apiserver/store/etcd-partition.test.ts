import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { EtcdStore } from './etcd.ts'
import type { StoreEvent } from './store.ts'

const run = promisify(execFile)
const ip = (...args: string[]) => run('ip', args)
const members = [0, 1, 2]
/** The process's own, so that nothing a killed run left is in the way; an interface's name has at most 15 characters. */
const own = `ep${process.pid % 100_000}`
const namespace = (member: number) => `${own}-${member}`
const bridge = `${own}-br`
const address = (member: number) => `10.199.93.${member + 2}`

/** Three members, each in a network namespace of its own, so that the links among them can be cut and not those to us. */
async function startMembers(directory: string, cleanup: AsyncDisposableStack): Promise<void> {
  await ip('link', 'add', bridge, 'type', 'bridge')
  cleanup.defer(() => void ip('link', 'del', bridge).catch(() => undefined))
  await ip('address', 'add', '10.199.93.1/24', 'dev', bridge)
  await ip('link', 'set', bridge, 'up')
  const peers = members.map((member) => `m${member}=http://${address(member)}:2380`).join(',')
  for (const member of members) {
    const name = namespace(member)
    await ip('netns', 'add', name)
    cleanup.defer(async () => void (await ip('netns', 'del', name)))
    await ip('link', 'add', `${name}-out`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await ip('link', 'set', `${name}-out`, 'master', bridge, 'up')
    await ip('-n', name, 'address', 'add', `${address(member)}/24`, 'dev', 'eth0')
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    const options = {
      name: `m${member}`,
      'data-dir': join(directory, name),
      'log-level': 'error',
      'listen-peer-urls': `http://${address(member)}:2380`,
      'initial-advertise-peer-urls': `http://${address(member)}:2380`,
      'listen-client-urls': `http://${address(member)}:2379`,
      'advertise-client-urls': `http://${address(member)}:2379`,
      'initial-cluster': peers,
      'heartbeat-interval': '50',
      'election-timeout': '500',
    }
    const flags = Object.entries(options).flatMap(([flag, value]) => [`--${flag}`, value])
    const child = spawn('ip', ['netns', 'exec', name, 'etcd', ...flags], { stdio: 'ignore' })
    cleanup.defer(() => ended(child))
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

/** Cut a member off from the others, or (`del`) join it again; clients reach it all the time. */
async function cut(member: number, how: 'add' | 'del' = 'add'): Promise<void> {
  for (const other of members.filter((one) => one !== member))
    await ip('-n', namespace(member), 'route', how, 'blackhole', `${address(other)}/32`)
}

test.skipIf(process.getuid?.() !== 0)(
  'a store whose members are cut off from each other, one after the other, loses no write and no event',
  async () => {
    await using cleanup = new AsyncDisposableStack()
    const directory = await mkdtemp(join(tmpdir(), 'thresher-partition-'))
    cleanup.defer(() => rm(directory, { recursive: true, force: true }))
    await startMembers(directory, cleanup)
    const endpoints = members.map((member) => `http://${address(member)}:2379`)
    const store = await EtcdStore.open({ endpoints })
    cleanup.defer(() => store.close())
    const seen: StoreEvent[] = []
    const stop = store.watch('/', await store.currentRevision(), {
      onEvents: (events) => void seen.push(...events),
      onLost: (error) => {
        throw error
      },
    })
    const revisions: number[] = []
    const write = async (count: number) => {
      for (let index = 0; index < count; index += 1)
        revisions.push(await store.create(`/k/x/${revisions.length}`, Buffer.from('v')))
    }
    await write(10)
    for (const member of members) {
      await cut(member)
      await write(10)
      await cut(member, 'del')
      await write(10)
    }
    await expect.poll(() => seen.length, { timeout: 15_000 }).toBe(revisions.length)
    expect(seen.map((event) => event.revision)).toEqual(revisions)
    stop()
  },
  90_000,
)
