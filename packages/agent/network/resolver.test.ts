import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DnsForwarder } from './dns-forwarder.ts'
import { chooseDns, nameServers, Resolver, type DnsRoute } from './resolver.ts'

describe('the host’s name servers', () => {
  it('are read as resolv.conf has them', () => {
    const text =
      '# comment\nsearch lan\nnameserver 192.0.2.1\n nameserver fe80::1%eth0\nnameserver nonsense\noptions x\n'
    expect(nameServers(text)).toEqual(['192.0.2.1', 'fe80::1%eth0'])
  })

  it('are asked directly where a guest can reach them', () => {
    expect(chooseDns(['127.0.0.53', '192.0.2.1'])).toEqual({ mode: 'direct', servers: ['192.0.2.1'] })
    expect(chooseDns(['127.0.0.53'])).toEqual({ mode: 'forwarded', servers: ['127.0.0.53'] })
    expect(chooseDns(['2001:db8::53'])).toMatchObject({ mode: 'forwarded' })
    expect(chooseDns([])).toEqual({ mode: 'none', servers: [] })
  })

  it('are followed when the file is replaced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'resolver-'))
    const file = join(folder, 'resolv.conf')
    await writeFile(file, 'nameserver 192.0.2.1\n')
    const resolver = new Resolver([file, join(folder, 'none', 'resolv.conf')])
    expect(await resolver.read()).toEqual({ mode: 'direct', servers: ['192.0.2.1'] })
    const changed = new Promise<DnsRoute>((done) => void resolver.watch(done))
    await writeFile(join(folder, 'new'), 'nameserver 192.0.2.2\n')
    await rename(join(folder, 'new'), file)
    expect(await changed).toEqual({ mode: 'direct', servers: ['192.0.2.2'] })
    resolver.close()
    await rm(folder, { recursive: true })
  })
})

describe('the DNS forwarder', () => {
  it('passes questions on over UDP and TCP, and asks the next server when one is silent', async () => {
    const server = createSocket('udp4')
    server.on('message', (question, from) => {
      server.send(Buffer.concat([question.subarray(0, 2), Buffer.from('answer')]), from.port, from.address)
    })
    server.bind(0, '127.0.0.2')
    await once(server, 'listening')
    const { port } = server.address()
    const streams = createServer((socket) => socket.end('by stream'))
    streams.listen(port, '127.0.0.3')
    await once(streams, 'listening')

    const forwarder = new DnsForwarder(['127.0.0.3', '127.0.0.2'], port)
    const listening = await forwarder.listen('127.0.0.1')
    const guest = createSocket('udp4')
    const answered = once(guest, 'message') as Promise<[Buffer]>
    guest.send(Buffer.from('id and more'.padEnd(20)), listening, '127.0.0.1')
    expect((await answered)[0].toString()).toBe('idanswer')

    const stream = connect(listening, '127.0.0.1')
    const [data] = (await once(stream, 'data')) as [Buffer]
    expect(data.toString()).toBe('by stream')

    stream.destroy()
    guest.close()
    server.close()
    streams.close()
    await forwarder.close()
  })
})
