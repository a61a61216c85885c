import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { isBare } from './bare-words.ts'
import { expect, test } from 'vitest'
import { failureWords } from './failure-words.ts'

async function failureOf(act: () => unknown): Promise<unknown> {
  try {
    await act()
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

/** A server that answers nonsense to whoever connects. */
async function nonsense(): Promise<AsyncDisposable & { port: number }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {}).write('HELO what do you want\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((done) => server.close(() => done()))
    },
  }
}

test('what a runtime says of a failure is put into words', async () => {
  await using server = await nonsense()
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  await new Promise((done) => gone.close(done))
  const failures = [
    await failureOf(() => once(new EventEmitter(), 'never', { signal: AbortSignal.timeout(1) })),
    await failureOf(() => readFileSync('/nowhere/at/all')),
    await failureOf(() => JSON.parse('{"a"')),
    await failureOf(() => (undefined as unknown as { a: { b: 1 } }).a.b),
    await failureOf(() => once(connect(port, '127.0.0.1'), 'connect')),
    await failureOf(() => once(request({ port: server.port, host: '127.0.0.1' }).end(), 'response')),
    new AggregateError([Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' })]),
    new Error(''),
    new Error('the database does not answer: read ECONNRESET', {
      cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    }),
    new DOMException('This operation was aborted', 'AbortError'),
  ]
  for (const failure of failures) expect(isBare(failureWords(failure)), failureWords(failure)).toBe(false)
  expect(failures.filter((failure) => isBare((failure as Error).message)).length).toBeGreaterThan(5)
})

test('what a program of ours says stays as it is', () => {
  expect(failureWords(new Error('the image web is smaller than its volume'))).toBe(
    'the image web is smaller than its volume',
  )
})
