import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { GuestAgentError } from '../guest-agent.ts'
import { GuestProbes } from './guest-probes.ts'

let server: Server | undefined
const probes: GuestProbes[] = []

afterEach(() => {
  for (const one of probes.splice(0)) one.set(false)
  server?.close()
})

async function listen(port = 0): Promise<number> {
  server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function make() {
  const seen = { dead: [] as string[], changes: 0 }
  const one = new GuestProbes(() => Promise.reject(new GuestAgentError('no agent')), {
    notAlive: (message) => seen.dead.push(message),
    readinessChanged: () => seen.changes++,
  })
  probes.push(one)
  return { probes: one, seen }
}

describe('the probes of a guest', () => {
  it('say that it is not ready until it passes, and again when it does not', async () => {
    const port = await listen()
    const { probes: asked, seen } = make()
    asked.want({ readinessProbe: { tcpSocket: { port }, periodSeconds: 1, failureThreshold: 1 } }, '127.0.0.1')
    expect(asked.readiness).toBeUndefined()
    asked.set(true)
    expect(asked.readiness).toEqual({ passing: false, message: 'the guest has not passed its readiness probe yet' })
    await vi.waitUntil(() => asked.readiness?.passing)
    server!.close()
    await vi.waitUntil(() => asked.readiness?.passing === false, 5000)
    expect(asked.readiness?.message).toContain('ECONNREFUSED')
    expect(seen.changes).toBe(2)
  })

  it('report once that it is not alive, and rest while it is held', async () => {
    const { probes: asked, seen } = make()
    asked.want({ livenessProbe: { guestAgentPing: {}, periodSeconds: 1, failureThreshold: 1 } }, undefined)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(seen.dead).toEqual([])
    asked.set(true)
    await vi.waitUntil(() => seen.dead.length > 0)
    expect(seen.dead).toEqual(['no agent'])
    asked.set(false)
    expect(asked.readiness).toBeUndefined()
  })

  it('go on as they are when the same is wanted again', async () => {
    const port = await listen()
    const { probes: asked, seen } = make()
    asked.set(true)
    const want = () => asked.want({ readinessProbe: { tcpSocket: { port } } }, '127.0.0.1')
    want()
    await vi.waitUntil(() => asked.readiness?.passing)
    want()
    expect(asked.readiness?.passing).toBe(true)
    expect(seen.changes).toBe(1)
  })
})
