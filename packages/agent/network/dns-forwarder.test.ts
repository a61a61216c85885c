import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { DnsForwarder, type OwnAnswer } from './dns-forwarder.ts'
import { answerCodes, readQuestion, recordTypes, writeAnswer } from './dns-message.ts'

function ask(name: string, type: number = recordTypes.A): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  return Buffer.from([7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1])
}

const code = (answer: Buffer) => answer[3]! & 15

describe('the DNS forwarder', () => {
  const cleanup: (() => unknown)[] = []
  afterEach(async () => {
    for (const undo of cleanup.splice(0).toReversed()) await undo()
  })

  /** A server that says who it is, over UDP and TCP, on an address of the loopback network. */
  const serve = async (address: string, port = 0) => {
    const datagrams = createSocket('udp4')
    datagrams.on('message', (message, from) => {
      datagrams.send(Buffer.concat([message.subarray(0, 2), Buffer.from(address)]), from.port, from.address)
    })
    datagrams.bind(port, address)
    await once(datagrams, 'listening')
    const chosen = datagrams.address().port
    const streams = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(`stream ${address}`))
    })
    streams.listen(chosen, address)
    await once(streams, 'listening')
    cleanup.push(
      () => datagrams.close(),
      () => streams.close(),
    )
    return chosen
  }
  const forward = async (servers: string[], port: number, own?: OwnAnswer) => {
    const forwarder = new DnsForwarder(servers, own, port)
    const listening = await forwarder.listen('127.0.0.1')
    cleanup.push(() => forwarder.close())
    return {
      question: async (message: Buffer) => {
        const guest = createSocket('udp4')
        cleanup.push(() => guest.close())
        guest.send(message, listening, '127.0.0.1')
        const [answer] = (await once(guest, 'message')) as [Buffer]
        return answer
      },
      stream: async (message: Buffer) => {
        const guest = connect(listening, '127.0.0.1')
        cleanup.push(() => guest.destroy())
        guest.write(Buffer.concat([Buffer.from([0, message.length]), message]))
        const [answer] = (await once(guest, 'data')) as [Buffer]
        return answer
      },
    }
  }
  const own: OwnAnswer = (message, question) =>
    question.name === 'web.thresher.internal'
      ? writeAnswer(message, question, answerCodes.ok, question.type === recordTypes.A ? ['10.52.0.2'] : [])
      : undefined

  it('passes questions on over UDP and TCP', async () => {
    const guest = await forward(['127.0.0.2'], await serve('127.0.0.2'), own)
    expect((await guest.question(ask('example.org'))).toString('latin1', 2)).toBe('127.0.0.2')
    expect((await guest.stream(ask('example.org'))).toString()).toBe('stream 127.0.0.2')
  })

  it('asks the next server when one does not answer, and says so when none does', async () => {
    const port = await serve('127.0.0.2')
    const guest = await forward(['127.0.0.3', '127.0.0.2'], port)
    expect((await guest.question(ask('example.org'))).toString('latin1', 2)).toBe('127.0.0.2')
    const alone = await forward(['127.0.0.3'], port)
    expect(code(await alone.question(ask('example.org')))).toBe(answerCodes.serverFailure)
    expect(code(await (await forward([], port)).question(ask('example.org')))).toBe(answerCodes.serverFailure)
  })

  it('answers for guests itself: their IPv4 address, and that they have no IPv6 address', async () => {
    const guest = await forward([], 53, own)
    const address = await guest.question(ask('WEB.thresher.internal'))
    expect(code(address)).toBe(answerCodes.ok)
    expect([...address.subarray(-4)]).toEqual([10, 52, 0, 2])
    const none = await guest.question(ask('web.thresher.internal', recordTypes.AAAA))
    expect([code(none), none.readUInt16BE(6)]).toEqual([answerCodes.ok, 0])
    const stream = await guest.stream(ask('web.thresher.internal'))
    expect(stream.readUInt16BE(0)).toBe(stream.length - 2)
    expect([...stream.subarray(-4)]).toEqual([10, 52, 0, 2])
  })

  it('takes nothing for a question that is none', () => {
    expect(readQuestion(Buffer.from('short'))).toBeUndefined()
    const answer = ask('example.org')
    answer[2] = 0x81
    expect(readQuestion(answer)).toBeUndefined()
    expect(readQuestion(ask('example.org').subarray(0, 20))).toBeUndefined()
    expect(readQuestion(ask('Example.ORG', recordTypes.AAAA))).toMatchObject({ name: 'example.org', type: 28 })
  })
})
