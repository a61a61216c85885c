import { describe, expect, it } from 'vitest'
import { parseConfig, UsageError } from './config.ts'

describe("the agent's command line", () => {
  it('has defaults for a host with one installation', () => {
    expect(parseConfig(['--node-name', 'n1'])).toEqual({
      role: 'management',
      openToGuests: [],
      guestUids: { first: 1_900_000_000, count: 65_536 },
      kubeconfig: '/var/lib/thresher/agent/agent.kubeconfig',
      dataDir: '/var/lib/thresher/agent',
      runDir: '/run/thresher',
      nodeName: 'n1',
      port: 10_250,
      guestSubnet: '10.52.0.0/16',
      instance: 'thr0',
      down: false,
    })
  })

  it('refuses folders that sockets or QEMU cannot be given', () => {
    expect(() => parseConfig(['--run-dir', `/${'x'.repeat(60)}`])).toThrow(UsageError)
    expect(() => parseConfig(['--run-dir', '/a,b'])).toThrow('without commas')
    expect(() => parseConfig(['--data-dir', 'relative'])).toThrow('absolute')
    expect(() => parseConfig(['--port', '99999'])).toThrow('--port')
    expect(() => parseConfig(['--no-such-option'])).toThrow(UsageError)
  })
})
