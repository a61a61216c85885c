import { loadKubeconfig } from '@thresher/client/kubeconfig'
import WebSocket from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()
const name = 'seen'

/** A WebSocket to a subresource of the machine, and what came over it. */
function open(
  subresource: string,
  protocols: string[],
): { socket: WebSocket; text: () => string; opened: Promise<void> } {
  const { server, ca, cert, key } = loadKubeconfig(product.info.kubeconfig)
  const path = `/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/${name}/${subresource}`
  const socket = new WebSocket(`${server.replace('https', 'wss')}${path}`, protocols, { ca, cert, key })
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

  it('refuse a machine that does not run with a Status that says so', async () => {
    const answer = await product.kubectl([
      'get',
      '--raw',
      '/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/nobody/console',
    ])
    expect(answer.code).toBe(1)
    expect(answer.stderr).toContain('not found')
  })
})
