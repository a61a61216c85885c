import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Offer } from '@thresher/controllers/network/networks'
import { networksOf } from '@thresher/controllers/network/networks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OvnNetwork } from './ovn-network.ts'
import { TestHost } from './testing.ts'

const run = promisify(execFile)

/** Guests by their network: two on each of two VLANs, and on an overlay. */
const guests = {
  a10: { definition: 'lab/v10', address: '192.0.2.1' },
  b10: { definition: 'lab/v10', address: '192.0.2.2' },
  c20: { definition: 'lab/v20', address: '192.0.2.3' },
  d20: { definition: 'lab/v20', address: '192.0.2.4' },
  e: { definition: 'lab/private', address: '192.0.2.5' },
  f: { definition: 'lab/private', address: '192.0.2.6' },
  same: { definition: 'other/also-10', address: '192.0.2.7' },
} as const
type Name = keyof typeof guests

describe('guests on networks of their own', () => {
  let host: TestHost
  let driver: OvnNetwork
  const macOf = (name: Name) => `52:54:00:00:02:0${Object.keys(guests).indexOf(name)}`

  beforeAll(async () => {
    host = await TestHost.create()
    driver = host.driver()
    await driver.start()
    const bridge = (vlan: number) => JSON.stringify({ type: 'bridge', bridge: 'fast-br', vlan })
    const configs = {
      'lab/v10': bridge(10),
      'lab/v20': bridge(20),
      'other/also-10': bridge(10),
      'lab/private': '{"type":"kube-ovn"}',
    }
    const definitions = Object.entries(configs).map(([key, config]) => {
      const [namespace = '', name = ''] = key.split('/')
      return { metadata: { namespace, name }, spec: { config } }
    })
    const { offers } = networksOf({ management: host.network, definitions, clusterNetworks: [] })
    for (const name of Object.keys(guests) as Name[]) {
      const { definition, address } = guests[name]
      const { port } = await host.port(name, macOf(name), { offer: offers.get(definition) as Offer })
      await host.guest(name, macOf(name), port)
      await ip(name, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      await host.serve(name)
    }
  }, 60_000)
  afterAll(async () => {
    await driver.close()
    await host[Symbol.asyncDispose]()
  })

  const ip = (name: Name, ...args: string[]) => run('ip', ['-n', host.netns(name), ...args])
  const reaches = async (from: Name, to: Name, own?: string) => {
    const silence = new Promise((done) => setTimeout(() => done({}), 2500))
    const target = guests[to].address
    const transfer = host.peer(from, 'load', target, 'up', '1', ...(own === undefined ? [] : [own]))
    return 'mbits' in ((await Promise.race([transfer, silence])) as object)
  }

  it('reach those on the same network, and nobody on another', async () => {
    const pairs: [Name, Name, boolean][] = [
      ['a10', 'b10', true],
      ['b10', 'a10', true],
      ['c20', 'd20', true],
      ['e', 'f', true],
      // Two definitions of one VLAN are one wire.
      ['a10', 'same', true],
      ['a10', 'c20', false],
      ['c20', 'a10', false],
      ['a10', 'e', false],
      ['e', 'a10', false],
    ]
    const seen = await Promise.all(pairs.map(async ([from, to]) => [from, to, await reaches(from, to)]))
    expect(seen).toEqual(pairs)
  })

  it('cannot pass for the DHCP server of their network', async () => {
    const silence = new Promise((done) => setTimeout(() => done('silence'), 2500))
    const ask = (from: number) => host.peer('a10', 'ask', guests.b10.address, 'example.org', '1', String(from))
    expect(await ask(68)).toMatchObject({ answers: ['203.0.113.9'] })
    // What leaves a server's port is dropped, whatever it says.
    expect(await Promise.race([ask(67), silence])).toBe('silence')
  })

  it('cannot send from a hardware address that is not theirs', async () => {
    await ip('a10', 'link', 'set', 'eth0', 'address', macOf('b10'))
    expect(await reaches('a10', 'same')).toBe(false)
    await ip('a10', 'link', 'set', 'eth0', 'address', macOf('a10'))
    expect(await reaches('a10', 'same')).toBe(true)
  })
})
