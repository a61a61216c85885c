import { createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Egress, type Resolve } from './egress.ts'
import { egressTable, type EgressRules } from './egress-rules.ts'

const none: EgressRules = { allow: [], deny: [] }

describe('an address that somebody else named', () => {
  const table = egressTable(none, ['203.0.113.7', '2001:db8::7'])

  it.each([
    ['127.0.0.1', 'this host'],
    ['127.255.255.254', 'this host'],
    ['0.0.0.0', 'this host'],
    ['::', 'this host'],
    ['::1', 'this host'],
    ['0:0:0:0:0:0:0:1', 'this host'],
    ['::ffff:127.0.0.1', 'this host'],
    ['::ffff:7f00:1', 'this host'],
    ['::127.0.0.1', 'this host'],
    ['64:ff9b::127.0.0.1', 'this host'],
    ['2002:7f00:1::', 'this host'],
    ['2002:a9fe:a9fe::1', 'link-local'],
    ['169.254.169.254', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['febf::1', 'link-local'],
    ['fd00:ec2::254', 'a metadata service'],
    ['100.100.100.200', 'a metadata service'],
    ['168.63.129.16', 'a metadata service'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['203.0.113.7', 'this host'],
    ['::ffff:203.0.113.7', 'this host'],
    ['2001:db8::7', 'this host'],
    ['127.1', 'no IP address'],
    ['', 'no IP address'],
  ])('%s is closed as %s', (address, what) => {
    expect(table.refusal(address)).toBe(what)
  })

  it.each([
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '8.8.8.8',
    '203.0.113.8',
    '2001:db8::8',
    'fd12::1',
    '::ffff:8.8.8.8',
  ])('%s is open', (address) => {
    expect(table.refusal(address)).toBeUndefined()
  })

  it('is decided by the narrowest range that a rule or the built-in table has for it', () => {
    const rules = egressTable({
      allow: ['127.0.0.1', '10.1.0.0/16', '169.254.0.0/16'],
      deny: ['10.0.0.0/8', '10.1.2.0/24'],
    })
    const open = (address: string) => rules.refusal(address) === undefined
    expect(
      ['127.0.0.1', '127.0.0.2', '10.1.1.1', '10.1.2.1', '10.2.0.1', '169.254.1.1', '::ffff:10.2.0.1'].map(open),
    ).toEqual([true, false, true, false, false, true, false])
  })

  it('is closed everywhere but in a list of what is allowed, where all else is denied', () => {
    const rules = egressTable({ allow: ['198.51.100.0/24'], deny: ['0.0.0.0/0', '::/0'] })
    expect(rules.refusal('198.51.100.9')).toBeUndefined()
    expect(rules.refusal('8.8.8.8')).toBe('closed by the setting')
    expect(rules.refusal('2606:4700::1')).toBe('closed by the setting')
  })
})

describe('a request', () => {
  let server: Server
  let port: number
  let hits: number

  beforeEach(async () => {
    hits = 0
    server = createServer((_request, response) => {
      hits++
      response.end('secret')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  })
  afterEach(() => new Promise((done) => server.close(done)))

  const ask = (egress: Egress, url: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      get(url, { ...egress.requestOptions(url), agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })

  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0x7f.1',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::]',
    '0',
    '１２７.0.0.1',
  ])('to %s does not reach this host', async (host) => {
    await expect(async () => ask(new Egress(none), `http://${host}:${port}/`)).rejects.toThrow(
      /is this host: nothing is fetched/,
    )
    expect(hits).toBe(0)
  })

  it('to a name that means this host does not reach it', async () => {
    await expect(ask(new Egress(none), `http://localhost:${port}/`)).rejects.toThrow(
      /localhost is at .* which is this host/,
    )
    expect(hits).toBe(0)
  })

  it('goes to the very address that was looked at, and the name is resolved once', async () => {
    const answers = ['198.51.100.1', '127.0.0.1']
    let asked = 0
    const rebinding: Resolve = (_name, _options, callback) =>
      callback(null, [{ address: answers[Math.min(asked++, 1)]!, family: 4 }])
    const egress = new Egress({ allow: [], deny: ['198.51.100.1'] }, [], rebinding)
    await expect(ask(egress, `http://rebind.example:${port}/`)).rejects.toThrow(/198\.51\.100\.1, which is closed/)
    expect(asked).toBe(1)
    expect(hits).toBe(0)
    await expect(ask(egress, `http://rebind.example:${port}/`)).rejects.toThrow(/127\.0\.0\.1, which is this host/)
    expect(hits).toBe(0)
  })

  it('uses only those of a name’s addresses that are open', async () => {
    const mixed: Resolve = (_name, _options, callback) =>
      callback(null, [
        { address: '169.254.169.254', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])
    const egress = new Egress({ allow: ['127.0.0.1'], deny: [] }, [], mixed)
    expect(await ask(egress, `http://mixed.example:${port}/`)).toBe(200)
  })

  it('reaches what the setting opens', async () => {
    const egress = new Egress({ allow: ['127.0.0.0/8'], deny: [] })
    expect(await ask(egress, `http://127.0.0.1:${port}/`)).toBe(200)
  })
})
