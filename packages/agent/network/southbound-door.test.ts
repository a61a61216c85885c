import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { issueAgentCertificates, issueClientCertificate } from '@thresher/apiserver/pki/ensure'
import { newAuthority, type KeyPairPem } from '@thresher/apiserver/pki/certificate'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SouthboundDoor } from './southbound-door.ts'

describe('the door to the southbound database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'door-'))
  const ca = newAuthority('cluster')
  const own = issueAgentCertificates(ca, { node: 'first', addresses: [] }).serving
  const nodes = new Set(['second', 'third'])
  const log = vi.fn<(level: string, message: string) => void>()
  const socket = join(folder, 'sb.sock')
  let database: Server
  let door: SouthboundDoor

  beforeAll(async () => {
    database = createServer((peer) => peer.on('error', () => {}).on('data', (bytes) => peer.write(bytes)))
    await new Promise<void>((resolve) => database.listen(socket, resolve))
    const tls = { ca: ca.cert, ...own }
    door = new SouthboundDoor({ port: 0, host: '127.0.0.1', tls, socket, isNode: (name) => nodes.has(name), log })
    door.listen()
    await vi.waitFor(() => expect(door.port).toBeGreaterThan(0))
  })
  afterAll(() => {
    door.close()
    database.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const node = (name: string) => issueAgentCertificates(ca, { node: name, addresses: [] }).client
  /** What comes back of a greeting, and the end of the connection when it ends. */
  function knock(pair: Partial<KeyPairPem>, authority = ca.cert) {
    let answer = ''
    const peer = connect({ host: '127.0.0.1', port: door.port, ca: authority, servername: 'first', ...pair })
    const ended = new Promise<string>((resolve) => peer.on('close', () => resolve(answer)).on('error', () => {}))
    peer.on('data', (bytes) => (answer += bytes.toString()))
    peer.write('hello')
    return { peer, ended, answered: () => vi.waitFor(() => expect(answer).toBe('hello'), 5000) }
  }

  it('lets a node of the cluster through to it', async () => {
    const { peer, answered } = knock(node('second'))
    await answered()
    peer.destroy()
  })

  it('turns away whoever is no node, whatever the cluster has certified about him', async () => {
    const user = issueClientCertificate(ca, { name: 'system:node:second' })
    const stranger = issueAgentCertificates(newAuthority('other'), { node: 'second', addresses: [] }).client
    const tenant = issueClientCertificate(ca, { name: 'tenant', groups: ['system:nodes'] })
    const both = issueClientCertificate(ca, { name: 'system:node:second', groups: ['system:nodes', 'more'] })
    for (const pair of [user, stranger, tenant, both, node('unknown'), {}]) expect(await knock(pair).ended).toBe('')
    await knock(node('unknown')).ended
    expect(log.mock.calls.filter(([, text]) => text.includes('system:node:unknown'))).toHaveLength(1)
  })

  it('puts a node out as soon as the cluster has it no more', async () => {
    const { ended, answered } = knock(node('third'))
    await answered()
    nodes.delete('third')
    door.expel()
    await ended
    expect(await knock(node('third')).ended).toBe('')
  })
})
