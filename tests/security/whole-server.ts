import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePki, issueClientCertificate } from '@thresher/apiserver/pki/ensure'
import { startServer } from '@thresher/server/server'

/** Who asks: a client certificate, or nothing. */
export interface Caller {
  cert?: string
  key?: string
}

/** The whole server, controllers and facade included, on this machine, and ways to ask it. */
export interface WholeServer {
  admin: Caller
  port: number
  /** The authority that its certificate is checked with. PEM. */
  ca: string
  /** A kubeconfig file of the administrator. */
  kubeconfig: string
  caller(name: string, groups?: string[]): Caller
  ask(
    as: Caller,
    method: string,
    path: string,
    body?: Buffer | object,
    type?: string,
  ): Promise<{ status: number; text: string }>
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Start the server as `up` does, with folders of its own. */
export async function startWholeServer(): Promise<WholeServer> {
  const folder = mkdtempSync(join(tmpdir(), 'thresher-security-'))
  const port = await freePort()
  const dataDir = join(folder, 'data')
  const server = await startServer({
    dataDir,
    runDir: join(folder, 'run'),
    listen: { host: '127.0.0.1', port },
    nodeName: 'node-1',
    guestSubnet: '10.52.0.0/16',
    names: [],
    etcd: [],
  })
  const pki = await ensurePki(join(dataDir, 'pki'), { names: [], addresses: [] })
  const ca = readFileSync(join(dataDir, 'pki', 'ca.crt'), 'utf8')
  const caller = (name: string, groups: string[] = []) => issueClientCertificate(pki.ca, { name, groups })
  return {
    port,
    ca,
    kubeconfig: join(dataDir, 'bootstrap', 'admin.kubeconfig'),
    caller,
    admin: caller('admin', ['system:masters']),
    ask: (as, method, path, body, type = 'application/json') =>
      new Promise((resolve, reject) => {
        const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
        const headers = bytes ? { 'content-type': type, 'content-length': bytes.length } : {}
        const sent = request({ host: '127.0.0.1', port, ca, ...as, method, path, headers, agent: false }, (answer) => {
          let text = ''
          answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
        })
        sent.on('error', reject)
        sent.end(bytes)
      }),
    async close() {
      await server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
