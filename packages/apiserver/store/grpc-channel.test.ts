import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { GrpcChannel } from './grpc-channel.ts'

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

/** A gRPC server that answers each call with this, and a channel to it. */
async function channelTo(answer: (stream: ServerHttp2Stream) => void): Promise<GrpcChannel> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined)
    stream.resume()
    answer(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const channel = new GrpcChannel(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  closers.push(
    () => channel.close(),
    () => server.close(),
  )
  return channel
}

const message = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)])
const headers = { ':status': 200, 'content-type': 'application/grpc' }

function answerWith(chunks: Buffer[], status: string, text = '') {
  return (stream: ServerHttp2Stream) => {
    stream.respond(headers, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': text }))
    for (const chunk of chunks) stream.write(chunk)
    stream.end()
  }
}

describe('a gRPC channel', () => {
  test('puts messages together however they were cut', async () => {
    const all = Buffer.concat([message('one'), message(''), message('three')])
    const channel = await channelTo(
      answerWith(
        [...all].map((byte) => Buffer.from([byte])),
        '0',
      ),
    )
    const texts: string[] = []
    for await (const one of channel.stream('/s/m', Buffer.alloc(0)).messages) texts.push(one.toString())
    expect(texts).toEqual(['one', '', 'three'])
  })

  test('throws what the server says, with its code', async () => {
    const channel = await channelTo(answerWith([], '11', 'mvcc%3A required revision has been compacted'))
    const failure = channel.call('/s/m', Buffer.alloc(0), 1000)
    await expect(failure).rejects.toMatchObject({ code: 11, message: 'mvcc: required revision has been compacted' })
  })

  test('gives up at its deadline', async () => {
    const channel = await channelTo(() => undefined)
    await expect(channel.call('/s/m', Buffer.alloc(0), 50)).rejects.toMatchObject({ code: 4 })
  })

  test('takes an answer that is cut off for none', async () => {
    const channel = await channelTo((stream) => {
      stream.respond(headers)
      stream.write(message('half').subarray(0, 7), () => stream.destroy())
    })
    await expect(channel.call('/s/m', Buffer.alloc(0), 1000)).rejects.toMatchObject({ code: 14 })
  })

  test('connects again after the connection broke', async () => {
    let calls = 0
    const channel = await channelTo((stream) => {
      if ((calls += 1) === 1) stream.session?.destroy()
      else answerWith([message('back')], '0')(stream)
    })
    await expect(channel.call('/s/m', Buffer.alloc(0), 1000)).rejects.toMatchObject({ code: 14 })
    expect((await channel.call('/s/m', Buffer.alloc(0), 1000)).toString()).toBe('back')
  })

  test('says that nobody listens there', async () => {
    const channel = new GrpcChannel('http://127.0.0.1:1')
    closers.push(() => channel.close())
    await expect(channel.call('/s/m', Buffer.alloc(0), 1000)).rejects.toMatchObject({ code: 14 })
  })
})
