import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NetworkFindings } from './network-part.ts'
import { mendParts, type NetworkFault, type NetworkPart } from './network-part.ts'
import { NetworkWatch } from './network-watch.ts'
import type { OvnNetwork } from './ovn-network.ts'
import { outside, TestHost } from './testing.ts'

const run = promisify(execFile)
const mac = '52:54:00:00:00:01'

describe('what is taken away from the network of a host', () => {
  let host: TestHost
  let driver: OvnNetwork
  let findings: NetworkFindings[] = []
  const waiting = new Set<() => void>()

  const onFindings = (found: NetworkFindings): void => {
    findings.push(found)
    for (const look of waiting) look()
  }
  beforeAll(async () => {
    host = await TestHost.create()
    driver = host.driver({ onFindings, watchTimes: { settleMs: 50, againMs: 300 } })
    await driver.start()
    await host.serve('out')
    const { port, address } = await host.port('web', mac)
    await host.guest('web', mac, port)
    await host.configure('web', address)
    // The guest's cable is one of the agent's own from now on.
    driver.keep([`${host.names.tapPrefix}-web`])
  })
  beforeEach(() => (findings = []))
  afterAll(async () => {
    await driver.close()
    await host[Symbol.asyncDispose]()
  })

  const inHost = (program: string, ...args: string[]) =>
    run('nsenter', [`--net=/run/netns/${host.netns('host')}`, program, ...args])
  const vsctl = (...args: string[]) =>
    run('ovs-vsctl', [`--db=unix:${join(host.folder, 'run/db.sock')}`, '--no-wait', ...args])

  /** Resolves when a part is reported as put back, or as `left`. */
  function reported(part: string, as: 'mended' | 'left'): Promise<NetworkFault> {
    return new Promise((resolve) => {
      const look = (): void => {
        const fault = findings.flatMap((one) => one[as]).find((one) => one.part === part)
        if (!fault) return
        waiting.delete(look)
        resolve(fault)
      }
      waiting.add(look)
      look()
    })
  }
  async function passes(): Promise<boolean> {
    for (let tries = 0; tries < 40; tries++) {
      const attempt = host.peer('web', 'load', outside, 'up', '1')
      const silence = new Promise<object>((done) => setTimeout(() => done({}), 1000))
      if ('mbits' in (await Promise.race([attempt, silence]))) return true
    }
    return false
  }

  const { gateway, table, bridge, tapPrefix } = TestHost.names
  const takings: [what: string, part: string, take: () => Promise<unknown>][] = [
    ['the table of rules', 'rules', () => inHost('nft', 'delete', 'table', 'inet', table)],
    ['all rules of the host', 'rules', () => inHost('nft', 'flush', 'ruleset')],
    ['one rule', 'rules', () => inHost('nft', 'flush', 'chain', 'inet', table, 'outward')],
    ["the gateway's address", 'address', () => inHost('ip', 'address', 'flush', 'dev', gateway)],
    ["the gateway's link", 'address', () => inHost('ip', 'link', 'set', gateway, 'down')],
    ["the gateway's interface", 'gateway', () => inHost('ip', 'link', 'delete', gateway)],
    ['forwarding', 'forwarding', () => inHost('sysctl', '-qw', 'net.ipv4.ip_forward=0')],
    ["a guest's port", 'ports', () => vsctl('del-port', `${tapPrefix}-web`)],
    ['a port that a guest left', 'ports', () => vsctl('add-port', bridge, `${tapPrefix}-gone`)],
    ["a guest's link", 'ports', () => inHost('ip', 'link', 'set', `${tapPrefix}-web`, 'down')],
    ['the bridge with all ports', 'switch', () => vsctl('del-br', bridge)],
    [
      'the way to the southbound database',
      'switch',
      () => vsctl('remove', 'Open_vSwitch', '.', 'external_ids', 'ovn-remote'),
    ],
    [
      "the engines' sockets",
      'sockets',
      () => Promise.all(['db.sock', 'ovn-northd.ctl'].map((name) => rm(join(host.folder, 'run', name)))),
    ],
    ['the run folder of the engines', 'sockets', () => rm(join(host.folder, 'run'), { recursive: true })],
  ]
  it.each(takings)('is put back and reported: %s', async (_, part, take) => {
    expect(await passes()).toBe(true)
    await take()
    expect(await reported(part, 'mended')).toMatchObject({ part })
    expect(await passes()).toBe(true)
    expect((await driver.status()).faults).toEqual([])
  })

  it('is reported as lost where it cannot be put back: a tap that a guest had open', async () => {
    await inHost('ip', 'link', 'delete', `${tapPrefix}-web`)
    expect(await reported('ports', 'left')).toMatchObject({ vmi: 'web', message: expect.stringContaining('is gone') })
    expect((await driver.status()).faults).toHaveLength(1)
  })
})

describe('a watch over parts', () => {
  const fault = (name: string): NetworkFault => ({ part: 'p', name, message: `${name} is wrong` })
  const part = (state: { wrong: string[]; mends: boolean; why?: string }): NetworkPart => ({
    name: 'p',
    look: () => Promise.resolve(state.wrong.map(fault)),
    mend: () => {
      if (state.mends) state.wrong = []
      return state.why ? Promise.reject(new Error(state.why)) : Promise.resolve()
    },
  })

  it('tells what it mended from what it could not, and why', async () => {
    const unreadable: NetworkPart = { ...part({ wrong: [], mends: true }), look: () => Promise.reject(new Error('no')) }
    const parts = [part({ wrong: ['a'], mends: true }), unreadable, part({ wrong: ['b'], mends: false, why: 'busy' })]
    const { mended, left } = await mendParts(parts)
    expect(mended.map(({ name }) => name)).toEqual(['a'])
    expect(left.map(({ message }) => message)).toEqual(["the network's p cannot be looked at: no", 'b is wrong (busy)'])
  })

  it('reports what lasts beyond one look, once it is there and once it is gone', async () => {
    const state = { wrong: ['a'], mends: false }
    const reports: NetworkFindings[] = []
    const watch = new NetworkWatch([part(state)], (found) => reports.push(found), {
      settleMs: 1,
      againMs: 1,
      anywayMs: 1_000_000,
    })
    watch.changed()
    while (reports.length === 0) await new Promise((done) => setTimeout(done, 1))
    expect(watch.faults).toEqual([fault('a')])
    state.wrong = []
    while (watch.faults.length > 0) await new Promise((done) => setTimeout(done, 1))
    expect(reports.at(-1)).toEqual({ mended: [], left: [] })
    await watch.close()
  })
})
