import { createServer } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net'
import type { Probe } from '@thresher/api/kubevirt/probe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GuestAgentError, type Ask } from '../guest-agent.ts'
import { checkGuest, type ProbedGuest } from './check-guest.ts'

const seen: string[] = []
const web = createServer((request, response) => {
  seen.push(`${request.url} ${String(request.headers['x-probe'] ?? '')}`)
  if (request.url === '/slow') return
  response.statusCode = request.url === '/broken' ? 503 : request.url === '/moved' ? 302 : 200
  response.setHeader('location', 'http://192.0.2.1/')
  response.end('x'.repeat(100_000))
})
const silent = createTcp(() => {})
const ports: Record<string, number> = {}

beforeAll(async () => {
  for (const [name, server] of Object.entries({ web, silent } as Record<string, Server>)) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports[name] = (server.address() as AddressInfo).port
  }
})
afterAll(() => {
  web.closeAllConnections()
  web.close()
  silent.close()
})

/** A guest at this host's loopback, whose agent runs programs that end with their argument. */
function guest(address: string | undefined = '127.0.0.1', agent = true): ProbedGuest {
  let code = 0
  let looks = 0
  const answer = ((question: string, args: { path: string; arg: string[] }) => {
    if (!agent) return Promise.reject(new GuestAgentError('the guest agent did not answer'))
    if (question === 'guest-exec') code = Number(args.arg[0] ?? 0)
    if (question === 'guest-exec') return Promise.resolve({ pid: 7 })
    return Promise.resolve(question === 'guest-exec-status' ? { exited: looks++ > 0, exitcode: code } : {})
  }) as unknown as Ask
  return { address: () => address, ask: (talk) => talk(answer) }
}

describe('a guest that is asked once', () => {
  const rows: [string, () => Probe, string | undefined, ProbedGuest?][] = [
    ['TCP, and listens', () => ({ tcpSocket: { port: ports['silent']! } }), undefined],
    ['TCP, and refuses', () => ({ tcpSocket: { port: 1 } }), 'port 1 of the guest: connect ECONNREFUSED'],
    ['TCP at a port by name', () => ({ tcpSocket: { port: 'ssh' } }), 'give a number'],
    ['TCP without an address', () => ({ tcpSocket: { port: 1 } }), 'has no address yet', guest('')],
    [
      'HTTP, and answers 200',
      () => ({ httpGet: { port: ports['web']!, path: 'well', httpHeaders: [{ name: 'x-probe', value: 'a' }] } }),
      undefined,
    ],
    ['HTTP, and answers 302', () => ({ httpGet: { port: ports['web']!, path: '/moved' } }), undefined],
    ['HTTP, and answers 503', () => ({ httpGet: { port: ports['web']!, path: '/broken' } }), 'it answered 503'],
    ['HTTP, and is silent', () => ({ httpGet: { port: ports['web']!, path: '/slow' } }), 'no answer within 0.2 s'],
    [
      'HTTP with a header that cannot be',
      () => ({ httpGet: { port: ports['web']!, httpHeaders: [{ name: 'a b', value: '' }] } }),
      'Header name',
    ],
    ['HTTP at another host', () => ({ httpGet: { port: ports['web']!, path: '/own', host: '192.0.2.1' } }), undefined],
    ['by a program that succeeds', () => ({ exec: { command: ['/bin/check', '0'] } }), undefined],
    [
      'by a program that fails',
      () => ({ exec: { command: ['/bin/check', '3'] } }),
      '/bin/check ended in the guest with 3',
    ],
    ['by no program', () => ({ exec: { command: [] } }), 'exec.command is empty'],
    ['by its agent', () => ({ guestAgentPing: {} }), undefined],
    ['by an agent that is silent', () => ({ guestAgentPing: {} }), 'did not answer', guest('127.0.0.1', false)],
    ['nothing', () => ({}), 'says nothing to ask'],
  ]
  for (const [how, probe, failure, asked] of rows)
    it(`by ${how}: ${failure ?? 'passes'}`, async () => {
      const check = (async () => checkGuest(probe()!, asked ?? guest(), 200))()
      if (failure === undefined) await check
      else await expect(check).rejects.toThrow(failure)
    })

  it('is asked with its headers, and nobody else is asked', () => {
    expect(seen).toContain('/well a')
    expect(seen).toContain('/own ')
  })
})
