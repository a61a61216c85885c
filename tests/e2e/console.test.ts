import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import WebSocket from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()
const name = 'seen'

const pathOf = (subresource: string, machine: string) =>
  `/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/${machine}/${subresource}`

function connect(subresource: string, machine: string, protocols: string[]): WebSocket {
  const { server, ca, cert, key } = loadKubeconfig(product.info.kubeconfig)
  return new WebSocket(`${server.replace('https', 'wss')}${pathOf(subresource, machine)}`, protocols, { ca, cert, key })
}

/** How a WebSocket to a subresource is refused. */
function refusal(subresource: string, machine: string): Promise<{ status: number; body: unknown }> {
  const socket = connect(subresource, machine, [])
  return new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('it was let in')))
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) as unknown }),
        reject,
      )
    })
  })
}

/** A WebSocket to a subresource of the machine, and what came over it. */
function open(
  subresource: string,
  protocols: string[],
): { socket: WebSocket; text: () => string; opened: Promise<void> } {
  const socket = connect(subresource, name, protocols)
  const chunks: Buffer[] = []
  socket.on('message', (data: Buffer) => chunks.push(data))
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => reject(new Error(`HTTP ${response.statusCode}`)))
  })
  return { socket, opened, text: () => Buffer.concat(chunks).toString('latin1') }
}

describe('consoles', () => {
  beforeAll(async () => {
    await product.createMachine(name)
    await product.running(name)
    await product.inGuest(name, ['true'])
  })
  afterAll(() => product.deleteMachine(name))

  it('give several readers the same serial console, with what was said before they came', async () => {
    const first = open('console', ['plain.kubevirt.io'])
    const second = open('console', [])
    await Promise.all([first.opened, second.opened])
    expect(first.socket.protocol).toBe('plain.kubevirt.io')
    expect(second.socket.protocol).toBe('')
    first.socket.send(Buffer.from('\n'))
    await expect.poll(first.text, { timeout: 20_000 }).toMatch(/login:/)
    await expect.poll(second.text, { timeout: 20_000 }).toMatch(/login:/)
    first.socket.close()
    second.socket.close()
  })

  it('speak RFB on vnc', async () => {
    const vnc = open('vnc', ['plain.kubevirt.io'])
    await vnc.opened
    await expect.poll(vnc.text, { timeout: 10_000 }).toMatch(/^RFB 003\.00\d\n/)
    vnc.socket.close()
  })

  it('refuse a machine that is not there with a Status that says so', async () => {
    const { status, body } = await refusal('console', 'nobody')
    expect(status).toBe(404)
    expect(body).toMatchObject({
      kind: 'Status',
      reason: 'NotFound',
      message: expect.stringContaining('"nobody" not found'),
    })
  })

  it('refuse a plain request with what to do', async () => {
    const answer = await product.kubectl(['get', '--raw', pathOf('console', name)])
    expect(answer.code).toBe(1)
    expect(answer.stderr).toContain('WebSocket')
  })
})
