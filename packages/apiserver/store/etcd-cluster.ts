import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A member of a test's etcd cluster. */
export interface EtcdMember {
  name: string
  clientUrl: string
  process: ChildProcess
}

/** A real etcd cluster on loopback, for tests. */
export interface EtcdCluster extends AsyncDisposable {
  members: EtcdMember[]
  endpoints: string[]
  /** Kill a member with SIGKILL. */
  kill(index: number): Promise<void>
  /** Start a killed member again on its data. */
  revive(index: number): Promise<void>
  /** Freeze a member: its connections stay open and nothing answers, as behind a partition. */
  freeze(index: number): void
  thaw(index: number): void
}

/** Start an etcd cluster of so many members. Debian's package etcd-server brings the program. */
export async function startEtcdCluster(size: number): Promise<EtcdCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'thresher-etcd-'))
  const ports = await freePorts(size * 2)
  const names = Array.from({ length: size }, (_, index) => `m${index}`)
  const peers = names.map((name, index) => `${name}=http://127.0.0.1:${ports[index * 2]}`).join(',')
  const launch = (index: number, state: 'new' | 'existing') => {
    const peer = `http://127.0.0.1:${ports[index * 2]}`
    const client = `http://127.0.0.1:${ports[index * 2 + 1]}`
    const child = spawn(
      'etcd',
      Object.entries({
        name: names[index]!,
        'data-dir': join(directory, names[index]!),
        logger: 'zap',
        'log-level': 'error',
        'listen-peer-urls': peer,
        'initial-advertise-peer-urls': peer,
        'listen-client-urls': client,
        'advertise-client-urls': client,
        'initial-cluster': peers,
        'initial-cluster-state': state,
        'heartbeat-interval': '50',
        'election-timeout': '500',
      }).flatMap(([flag, value]) => [`--${flag}`, value]),
      { stdio: 'ignore' },
    )
    // A program that is not there shows as a member that never becomes healthy.
    child.on('error', () => undefined)
    return { name: names[index]!, clientUrl: client, process: child }
  }
  const members = names.map((_, index) => launch(index, 'new'))
  const endpoints = members.map((member) => member.clientUrl)
  await Promise.all(endpoints.map(healthy))
  const gone = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('exit', () => resolve())
      child.kill('SIGCONT')
      child.kill('SIGKILL')
    })
  return {
    members,
    endpoints,
    kill: (index) => gone(members[index]!.process),
    async revive(index) {
      members[index] = launch(index, 'existing')
      await healthy(members[index].clientUrl)
    },
    freeze: (index) => void members[index]!.process.kill('SIGSTOP'),
    thaw: (index) => void members[index]!.process.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => gone(member.process)))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function healthy(url: string): Promise<void> {
  for (let tries = 0; tries < 150; tries += 1) {
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`etcd at ${url} does not become healthy; Debian's package etcd-server brings the program`)
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
