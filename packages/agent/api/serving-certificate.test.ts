import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { expect, test, vi } from 'vitest'
import { issue, newAuthority, type KeyPairPem } from '@thresher/apiserver/pki/certificate'
import { issueClientCertificate } from '@thresher/apiserver/pki/ensure'
import { formatKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadOwnKubeconfig, renewedCertificate } from '@thresher/client/node/kubeconfig'
import { AgentServer } from './server.ts'
import { followServingCertificate, readServingCertificate } from './serving-certificate.ts'

const none = () => Promise.reject(new Error('there are no images'))
const authority = newAuthority('test')
const secondsOfDay = 24 * 3600
const serving = (seconds: number): KeyPairPem =>
  issue(authority, {
    subject: { commonName: 'system:node:n1' },
    usages: ['server'],
    names: ['n1', '127.0.0.1'],
    days: seconds / secondsOfDay,
  })
const serialOf = ({ cert }: KeyPairPem) => new X509Certificate(cert).serialNumber

function inFolder(work: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'renewal-'))
    await work(folder).finally(() => rmSync(folder, { recursive: true, force: true }))
  }
}

function keep(folder: string, { cert, key }: KeyPairPem): void {
  for (const [name, text] of Object.entries({ 'ca.crt': authority.cert, 'agent.key': key, 'agent.crt': cert }))
    writeFileSync(join(folder, name), text, { mode: 0o600 })
}

test(
  'an agent whose certificate ends while it runs serves with the renewed one, and passes over a pair that is half written',
  inFolder(async (folder) => {
    const short = serving(2)
    keep(folder, short)
    const current = readServingCertificate(folder)
    const server = new AgentServer({
      port: 0,
      host: '127.0.0.1',
      tls: current,
      find: () => undefined,
      addressOf: () => undefined,
      images: { upload: none, uploadState: none, open: none },
      stats: () => Promise.resolve({}),
      usage: { now: () => ({ machines: [] }), history: () => undefined },
      log: () => {},
    })
    const port = await server.listen()
    const errors: string[] = []
    const stop = followServingCertificate({
      folder,
      current,
      onRenewed: (renewed) => server.setCertificate(renewed),
      onError: (error) => errors.push(String(error)),
      everyMs: 50,
    })
    const caller = issueClientCertificate(authority, { name: 'thresher-apiserver' })
    const ask = () =>
      new Promise<string>((done, reject) =>
        https
          .get(
            { host: '127.0.0.1', port, path: '/healthz', ca: authority.cert, ...caller, agent: false },
            (response) => {
              done((response.socket as TLSSocket).getPeerCertificate().serialNumber)
              response.resume()
            },
          )
          .on('error', reject),
      )
    try {
      expect(await ask()).toBe(serialOf(short))
      await vi.waitFor(() => expect(ask()).rejects.toThrow('certificate has expired'), 10_000)
      const renewed = serving(secondsOfDay)
      writeFileSync(join(folder, 'agent.key'), renewed.key)
      await vi.waitFor(() => expect(errors[0]).toContain('is not the key of'), 5000)
      writeFileSync(join(folder, 'agent.crt'), renewed.cert)
      await vi.waitFor(async () => expect(await ask()).toBe(serialOf(renewed)), 5000)
    } finally {
      stop()
      server.close()
    }
  }),
  30_000,
)

test(
  'a program whose client certificate ends while it runs goes on with the one that its kubeconfig holds by then',
  inFolder(async (folder) => {
    const names: string[] = []
    const server = https.createServer(
      { ...serving(secondsOfDay), ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        names.push((request.socket as TLSSocket).getPeerCertificate().serialNumber)
        // Otherwise the connection outlives the certificate, and shows nothing.
        response.setHeader('connection', 'close').end('{}')
      },
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const file = join(folder, 'kubeconfig')
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = (seconds: number) => {
      const pair = issueClientCertificate(authority, { name: 'system:node:n1', days: seconds / secondsOfDay })
      writeFileSync(file, formatKubeconfig({ server: url, ca: authority.cert, name: 'n1', ...pair }), { mode: 0o600 })
      return pair
    }
    const short = client(2)
    const load = () => loadOwnKubeconfig(file)
    const options = { ...load(), certificate: renewedCertificate(load, 0) }
    const transport = httpsTransport(options)
    const ask = (by = transport) => by.request({ method: 'GET', path: '/version' })
    // A transport of its own each time: a resumed TLS session shows no certificate.
    const askAnew = () => ask(httpsTransport(options))
    try {
      await ask()
      await vi.waitFor(() => expect(askAnew()).rejects.toThrow('cannot reach'), 10_000)
      writeFileSync(file, 'half a fi')
      await expect(askAnew()).rejects.toThrow('cannot reach')
      const renewed = client(secondsOfDay)
      await ask()
      expect([names[0], names.at(-1)]).toEqual([serialOf(short), serialOf(renewed)])
    } finally {
      await transport.close()
      server.close()
    }
  }),
  30_000,
)
