import { execFile, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkDriver, NetworkStatus } from './network-driver.ts'
import { outside, TestHost } from './testing.ts'

const run = promisify(execFile)
const mac = '52:54:00:00:00:01'

describe('the network of one host', () => {
  let host: TestHost
  let driver: NetworkDriver
  let address = ''

  beforeAll(async () => {
    host = await TestHost.create()
    driver = host.driver()
    await driver.start()
    await host.serve('host')
    await host.serve('out')
    const made = await host.port('web', mac)
    address = made.address
    await host.guest('web', mac, made.port)
  })
  afterAll(async () => {
    await driver.close()
    await host[Symbol.asyncDispose]()
  })

  const pids = (status: NetworkStatus) => new Map(status.engines.map((engine) => [engine.name, engine.pid]))
  const mbits = async (from: string, to: string, way: 'up' | 'down') =>
    (await host.peer(from, 'load', to, way, '50'))['mbits']
  const link = async (ifname: string) => {
    const args = ['-n', host.netns('host'), '-json', '-details', 'link', 'show', 'dev', ifname]
    const { stdout } = await run('ip', args)
    return (JSON.parse(stdout) as { mtu: number; flags: string[]; linkinfo: { info_data: { user?: number } } }[])[0]!
  }

  it('runs six engines in less than 120 MiB', async () => {
    const { engines, datapath } = await driver.status()
    expect(engines.map((engine) => engine.state)).toEqual(Array(6).fill('running'))
    const bytes = engines.reduce((sum, engine) => sum + (engine.memoryBytes ?? 0), 0)
    console.log(`engines: ${(bytes / 2 ** 20).toFixed(1)} MiB resident, ${datapath} datapath`)
    expect(bytes).toBeLessThan(120 * 2 ** 20)
  })

  it('gives a guest its address, router, name server, domain and MTU by DHCP', async () => {
    expect(await host.peer('web', 'dhcp', mac)).toMatchObject({
      address,
      router: '10.52.0.1',
      dns: '10.52.0.1',
      domain: 'thresher.internal',
      mtu: 1442,
    })
    await host.configure('web', address)
  })

  it('carries TCP between guest, host and the outside in both directions', async () => {
    const rates = {
      'guest to host': await mbits('web', '10.52.0.1', 'up'),
      'host to guest': await mbits('web', '10.52.0.1', 'down'),
      'guest to outside': await mbits('web', outside, 'up'),
      'outside to guest': await mbits('web', outside, 'down'),
    }
    console.log('Mbit/s', rates)
    // Wrong checksums or offloads leave nothing or a trickle; the rest is the machine's load.
    for (const rate of Object.values(rates)) expect(rate).toBeGreaterThan(50)
  })

  it('answers for guests by name and passes other questions on', async () => {
    const ask = (name: string, type = '1') => host.peer('web', 'ask', '10.52.0.1', name, type)
    expect(await ask('web.thresher.internal')).toMatchObject({ answers: [address] })
    expect(await ask('web.default.thresher.internal')).toMatchObject({ answers: [address] })
    expect(await ask('example.org')).toMatchObject({ answers: ['203.0.113.9'] })
  })

  it('follows the host’s name servers, also to one that guests cannot reach themselves', async () => {
    const file = join(host.folder, 'resolv.conf')
    const before = await readFile(file, 'utf8')
    const until = async (mode: string) => {
      while ((await driver.status()).dns.mode !== mode) await new Promise((done) => setTimeout(done, 20))
    }
    await writeFile(file, 'nameserver 127.0.0.53\n')
    await until('forwarded')
    await writeFile(file, before)
    await until('direct')
    expect(await host.peer('web', 'ask', '10.52.0.1', 'example.org')).toMatchObject({ answers: ['203.0.113.9'] })
  })

  it('drops what a guest sends from an address that is not its own', async () => {
    await run('ip', ['-n', host.netns('web'), 'address', 'add', '10.52.9.9/16', 'dev', 'eth0'])
    expect(await host.peer('web', 'load', '10.52.0.1', 'up', '1', address)).toHaveProperty('mbits')
    const spoofed = host.peer('web', 'load', '10.52.0.1', 'up', '1', '10.52.9.9')
    expect(await Promise.race([spoofed, new Promise((done) => setTimeout(() => done('silence'), 2500))])).toBe(
      'silence',
    )
    await run('ip', ['-n', host.netns('web'), 'address', 'del', '10.52.9.9/16', 'dev', 'eth0'])
  })

  it('lets only the listed ports of a guest be reached, by host and guests, and the guest reach all', async () => {
    const reaches = async (from: string, to: string) => {
      const silence = new Promise((done) => setTimeout(() => done({}), 2500))
      return 'mbits' in ((await Promise.race([host.peer(from, 'load', to, 'up', '20'), silence])) as object)
    }
    const guests = { listed: 5001, closed: 22 }
    const addresses: Record<string, string> = {}
    for (const [index, [name, port]] of Object.entries(guests).entries()) {
      const ownMac = `52:54:00:00:01:0${index}`
      const made = await host.port(name, ownMac, { ports: [{ port }] })
      addresses[name] = made.address
      await host.guest(name, ownMac, made.port)
      await host.configure(name, made.address)
      await host.serve(name)
    }
    for (const from of ['host', 'web']) {
      expect(await reaches(from, addresses['listed']!)).toBe(true)
      expect(await reaches(from, addresses['closed']!)).toBe(false)
    }
    expect(await reaches('closed', '10.52.0.1')).toBe(true)
    expect(await reaches('closed', outside)).toBe(true)
    expect(await reaches('closed', addresses['listed']!)).toBe(true)
    for (const from of ['closed', 'web']) {
      const ask = (name: string) => host.peer(from, 'ask', '10.52.0.1', name)
      expect(await ask('example.org')).toMatchObject({ answers: ['203.0.113.9'] })
      expect(await ask('web.thresher.internal')).toMatchObject({ answers: [address] })
    }
    expect(await host.peer('closed', 'dhcp', '52:54:00:00:01:01')).toMatchObject({ address: addresses['closed'] })
    // Guests without a list are as fast and as open as before, though connections are tracked now.
    expect(await mbits('web', outside, 'down')).toBeGreaterThan(50)
  }, 60_000)

  it('lets a guest reach of the host what is open alone, and nothing link-local past it', async () => {
    const reaches = async (to: string, port: number) => {
      const probe =
        'use IO::Socket::INET; IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 3) or die "$!"'
      const args = [`--net=/run/netns/${host.netns('web')}`, 'perl', '-e', probe, to, String(port)]
      return run('nsenter', args).then(
        () => 'open',
        (error: { stderr: string }) =>
          /refused|unreachable|No route|prohibited/i.test(error.stderr) ? 'refused' : error.stderr,
      )
    }
    // A server in the host's namespace on a port that is not open.
    const listen =
      'use IO::Socket::INET; $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 5, ReuseAddr => 1) or die; $| = 1; print "up"; sleep 60'
    const server = spawn('nsenter', [`--net=/run/netns/${host.netns('host')}`, 'perl', '-e', listen])
    try {
      await new Promise((resolve) => server.stdout.once('data', resolve))
      expect(await reaches('10.52.0.1', 5001)).toBe('open')
      expect(await reaches('10.52.0.1', 7777)).toBe('refused')
      // The host's address on the outside is the host too.
      expect(await reaches('198.51.100.1', 7777)).toBe('refused')
      expect(await reaches('169.254.169.254', 80)).toBe('refused')
    } finally {
      server.kill('SIGKILL')
    }
  })

  it('lets no process that runs as a guest’s QEMU open a connection, to the host itself either', async () => {
    const connect = (uid: number) => {
      const probe =
        'use IO::Socket::INET; IO::Socket::INET->new(PeerAddr => "10.52.0.1", PeerPort => 5001, Timeout => 3) or die "$!"'
      const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', 'perl', '-e', probe]
      return run('nsenter', [`--net=/run/netns/${host.netns('host')}`, ...as]).then(
        () => true,
        () => false,
      )
    }
    expect(await connect(1_950_000_005)).toBe(false)
    expect(await connect(1_800_000_005)).toBe(true)
  })

  it('makes a tap for a user, puts it on the switch, and takes both away again', async () => {
    const { port, address } = await host.port('db', '52:54:00:00:00:02')
    const nic = { vmi: 'c0ffee', nic: 'default' }
    const request = { ...nic, port, address, mac: '52:54:00:00:00:02', owner: 4242 }
    const started = performance.now()
    const plugged = await driver.plug(request)
    const pluggedMs = performance.now() - started
    await driver.ready(nic, AbortSignal.timeout(5000))
    console.log(`plug ${pluggedMs.toFixed(1)} ms, ready after ${(performance.now() - started).toFixed(1)} ms`)
    expect(plugged).toMatchObject({ mtu: 1442, offloads: true })
    expect(plugged.ifname).toHaveLength(15)
    const tap = await link(plugged.ifname)
    expect(tap).toMatchObject({ mtu: 1442, linkinfo: { info_data: { user: 4242 } } })
    expect(tap.flags).toEqual(expect.arrayContaining(['UP', 'NOARP']))
    expect(await driver.plug(request)).toEqual(plugged)
    expect((await driver.status()).ports).toContain(port)
    await driver.unplug(nic)
    await driver.unplug(nic)
    await expect(link(plugged.ifname)).rejects.toThrow(/does not exist/)
    expect((await driver.status()).ports).not.toContain(port)
  })

  it('sweeps away taps of guests that are gone', async () => {
    const kept = { vmi: 'kept', nic: 'default' }
    const plug = (vmi: string) =>
      driver.plug({ vmi, nic: 'default', port: `default/${vmi}/default`, mac: '52:54:00:00:00:03', owner: 4242 })
    const [gone, stays] = [await plug('gone'), await plug('kept')]
    const swept = await driver.sweep([kept])
    expect(swept).toContain(gone.ifname)
    expect(swept).not.toContain(stays.ifname)
    await driver.unplug(kept)
    // The guest of this test is no tap that the agent knows, so it was swept too.
    await host.replug('web', mac, 'default/web/default')
    await host.configure('web', address)
  })

  it('starts a killed engine again at once, and traffic goes on', async () => {
    const before = await driver.status()
    for (const { name, pid } of before.engines) {
      const killed = performance.now()
      process.kill(pid!, 'SIGKILL')
      for (;;) {
        const engine = (await driver.status()).engines.find((one) => one.name === name)
        if (engine?.state === 'running' && engine.pid !== pid) break
        await new Promise((done) => setTimeout(done, 5))
      }
      const backMs = performance.now() - killed
      expect(await mbits('web', '10.52.0.1', 'up')).toBeGreaterThan(50)
      console.log(
        `${name}: back after ${backMs.toFixed(0)} ms, traffic within ${(performance.now() - killed).toFixed(0)} ms`,
      )
      expect(backMs).toBeLessThan(5000)
    }
    const made = await host.port('later', '52:54:00:00:00:04')
    const nic = { vmi: 'later', nic: 'default' }
    await driver.plug({ ...nic, port: made.port, mac: '52:54:00:00:00:04', owner: 4242 })
    await driver.ready(nic, AbortSignal.timeout(10_000))
    await driver.unplug(nic)
  }, 60_000)

  it('lets traffic go on while the agent is away, and adopts the running engines', async () => {
    const before = await driver.status()
    const northd = pids(before).get('ovn-northd')!
    const lost = { vmi: 'lost', nic: 'default', port: 'default/lost/default', mac: '52:54:00:00:00:05', owner: 4242 }
    const { ifname } = await driver.plug(lost)
    await driver.close()
    await run('ip', ['-n', host.netns('host'), 'link', 'delete', ifname])
    process.kill(northd, 'SIGKILL')
    expect(await mbits('web', outside, 'up')).toBeGreaterThan(50)
    const transfer = host.peer('web', 'load', outside, 'down', '400')
    driver = host.driver()
    const started = performance.now()
    await driver.start()
    console.log(`adopted in ${(performance.now() - started).toFixed(0)} ms`)
    expect(await transfer).toHaveProperty('mbits')
    const after = await driver.status()
    const kept = ['ovsdb-server', 'ovs-vswitchd', 'ovn-nb', 'ovn-sb', 'ovn-controller'] as const
    for (const name of kept) expect(pids(after).get(name)).toBe(pids(before).get(name))
    expect(pids(after).get('ovn-northd')).not.toBe(northd)
    expect(after.ports).not.toContain('default/lost/default')
  })

  it('refuses a subnet that the host already reaches elsewhere', async () => {
    const other = host.driver({ network: { ...host.network, subnet: '198.51.0.0/16' } })
    await expect(other.start()).rejects.toMatchObject({
      reason: 'SubnetInUse',
      message: expect.stringContaining('198.51.100.0/24 on up0') as string,
    })
  })

  it('starts over when the host has another name and a database cannot be read', async () => {
    await driver.down()
    await writeFile(join(host.folder, 'data/sb.db'), 'OVSDB JSON 7 nonsense\n{"a":1}')
    driver = host.driver({ host: 'renamed' })
    await driver.start()
    await host.replug('web', mac, 'default/web/default')
    await host.configure('web', address)
    expect(await mbits('web', '10.52.0.1', 'up')).toBeGreaterThan(50)
  })

  it('leaves nothing behind when it is taken down', async () => {
    const { engines } = await driver.status()
    await driver.down()
    expect(await host.leftovers()).toEqual({ interfaces: ['lo', 'up0'], tables: '' })
    for (const { pid } of engines) {
      const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
      expect(state.slice(state.lastIndexOf(')') + 2)[0]).toBe('Z')
    }
    await driver.down()
  })
})
