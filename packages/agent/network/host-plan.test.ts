import { execFile } from 'node:child_process'
import { managementNetwork } from '@thresher/api/management-network'
import { describe, expect, it } from 'vitest'
import { conflictingRoute, planGateway, planRules, planRulesRemoval, planTap } from './host-plan.ts'
import { namesOf, tapName } from './names.ts'

const network = managementNetwork()
const names = namesOf('thr0')

/** nft's own opinion of a text, without putting it in. */
function check(rules: string): Promise<string> {
  return new Promise((done) => {
    const child = execFile('unshare', ['--net', 'nft', '--check', '-f', '-'], (error, _stdout, stderr) =>
      done(error ? stderr || error.message : ''),
    )
    child.stdin?.end(rules)
  })
}

describe('the plan for a host', () => {
  it('finds the route that the guests’ subnet would hide', () => {
    const routes = [
      { dst: 'default', dev: 'eth0' },
      { dst: '0.0.0.0/1', dev: 'vpn0' },
      { dst: '10.52.0.0/16', dev: 'gw-thr0' },
      { dst: '192.168.1.0/24', dev: 'eth0' },
    ]
    expect(conflictingRoute(routes, network, names)).toBeUndefined()
    expect(conflictingRoute([...routes, { dst: '10.52.3.4', dev: 'tun0' }], network, names)).toEqual({
      dst: '10.52.3.4',
      dev: 'tun0',
    })
    expect(conflictingRoute([{ dst: '10.0.0.0/8', dev: 'vpn0' }], network, names)?.dev).toBe('vpn0')
  })

  it('is a text that nft accepts, with and without a name server', async () => {
    const rules = planRules(network, names, { address: '192.0.2.53', port: 53 }, { openPorts: [] })
    expect(rules).toContain('udp dport 53 dnat ip to 192.0.2.53:53')
    expect(await check(rules)).toBe('')
    const guard = { openPorts: [6443, 443], guestUids: { first: 100_000, count: 1024 } }
    expect(await check(planRules(network, names, undefined, guard))).toBe('')
    expect(await check(planRulesRemoval(names))).toBe('')
  })

  it('replaces an address that the gateway had before and keeps the right one', () => {
    expect(planGateway(network, names, ['10.9.0.1/16'])).toEqual([
      'address del 10.9.0.1/16 dev gw-thr0',
      'address add 10.52.0.1/16 dev gw-thr0',
      'link set dev gw-thr0 mtu 1442 up',
    ])
    expect(planGateway(network, names, ['10.52.0.1/16'])).toEqual(['link set dev gw-thr0 mtu 1442 up'])
  })

  it('keeps the host’s own stack out of a tap', () => {
    const [make, set] = planTap({ ifname: 'tap0', owner: 64055, mtu: 1442 })
    expect(make).toBe('tuntap add dev tap0 mode tap user 64055')
    expect(set).toContain('addrgenmode none arp off')
  })
})

describe('names', () => {
  it('of taps are 15 characters, stable, and differ by guest, NIC and instance', () => {
    const nic = { vmi: '5f1c9a3e-0000-4000-8000-000000000001', nic: 'default' }
    const all = [
      tapName(names, nic),
      tapName(names, { ...nic, nic: 'second' }),
      tapName(names, { ...nic, vmi: 'other' }),
      tapName(namesOf('lab2'), nic),
    ]
    for (const name of all) expect(name).toMatch(/^t[a-z0-9]{14}$/)
    expect(new Set(all).size).toBe(4)
    expect(tapName(names, nic)).toBe(all[0])
  })

  it('are refused when they would be too long for the kernel', () => {
    expect(() => namesOf('much-too-long')).toThrow(RangeError)
  })
})
