import { execFile } from 'node:child_process'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, connect, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { issue, newAuthority, type KeyPairPem } from './certificate.ts'
import {
  dropOldServiceAccountKeys,
  ensurePki,
  issueAdminCertificate,
  issueAgentCertificates,
  issueClientCertificate,
  rotateServiceAccountKey,
} from './ensure.ts'
import { readDer } from './der.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { signRequest } from './signing-request.ts'

const run = promisify(execFile)
const identity = { names: ['host-1'], addresses: ['192.0.2.7', '2001:db8::7', '::ffff:192.0.2.7'] }
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pki-'))
})
afterEach(() => rm(dir, { recursive: true }))

describe('ensurePki', () => {
  test('makes files that only the owner may read, once', async () => {
    const first = await ensurePki(dir, identity)
    for (const name of await readdir(dir)) expect((await stat(join(dir, name))).mode & 0o777, name).toBe(0o600)
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    expect(await ensurePki(dir, identity)).toEqual(first)
  })

  test('narrows a key that someone has opened up', async () => {
    const { ca } = await ensurePki(dir, identity)
    await chmod(ca.keyPath, 0o644)
    await ensurePki(dir, identity)
    expect((await stat(ca.keyPath)).mode & 0o777).toBe(0o600)
  })

  test('issues the server certificate again when an address comes or goes, and before it ends', async () => {
    const first = await ensurePki(dir, identity)
    const moved = await ensurePki(dir, { ...identity, addresses: ['192.0.2.8'] })
    expect(moved.server.cert).not.toBe(first.server.cert)
    expect(moved.ca).toEqual(first.ca)
    expect(moved.agentClient).toEqual(first.agentClient)
    const now = new Date(Date.now() + 340 * 24 * 3600 * 1000)
    const later = await ensurePki(dir, { ...identity, addresses: ['192.0.2.8'], now })
    expect(later.server.cert).not.toBe(moved.server.cert)
    expect(Date.parse(new X509Certificate(later.server.cert).validTo)).toBeGreaterThan(
      now.getTime() + 360 * 24 * 3600 * 1000,
    )
  })

  test('keeps the authority valid for its leaves when only its key survived a crash', async () => {
    const { ca, server } = await ensurePki(dir, identity)
    await rm(ca.certPath)
    const again = await ensurePki(dir, identity)
    expect(again.server).toEqual(server)
    expect(new X509Certificate(server.cert).verify(new X509Certificate(again.ca.cert).publicKey)).toBe(true)
  })

  test('refuses to go on with an authority whose key is gone', async () => {
    const { ca } = await ensurePki(dir, identity)
    await rm(ca.keyPath)
    await expect(ensurePki(dir, identity)).rejects.toThrow('bring the key back from a backup')
  })

  test('agrees on one authority when several start at once', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => ensurePki(dir, identity)))
    expect(new Set(made.map((pki) => pki.ca.cert)).size).toBe(1)
    for (const pki of made) expect(pki.ca.key).toBe(await readFile(join(dir, 'ca.key'), 'utf8'))
  })

  test('makes certificates that OpenSSL verifies, each for its use and names only', async () => {
    const { ca, server, agentClient } = await ensurePki(dir, identity)
    const verify = (path: string, ...args: string[]) =>
      run('openssl', ['verify', '-x509_strict', '-CAfile', ca.certPath, ...args, path])
    await verify(server.certPath, '-purpose', 'sslserver', '-verify_hostname', 'host-1')
    await verify(server.certPath, '-purpose', 'sslserver', '-verify_ip', '2001:db8::7')
    await verify(server.certPath, '-purpose', 'sslserver', '-verify_ip', '10.53.0.1')
    await verify(agentClient.certPath, '-purpose', 'sslclient')
    await expect(verify(server.certPath, '-purpose', 'sslclient')).rejects.toThrow(/purpose/)
    await expect(verify(agentClient.certPath, '-purpose', 'sslserver')).rejects.toThrow(/purpose/)
    await expect(verify(server.certPath, '-verify_ip', '192.0.2.9')).rejects.toThrow(/mismatch/)
  })
})

/** What a TLS server that asks for our certificates makes of this client certificate. */
async function shown(
  ca: KeyPairPem,
  server: KeyPairPem,
  client: KeyPairPem,
): Promise<{ authorized: boolean; subject: unknown }> {
  const listener = createServer({ ca: ca.cert, ...server, requestCert: true, rejectUnauthorized: false }).listen(
    0,
    '127.0.0.1',
  )
  await once(listener, 'listening')
  const socket = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', ca: ca.cert, ...client })
  socket.on('error', () => undefined)
  const [accepted] = (await once(listener, 'secureConnection')) as [TLSSocket]
  const seen = { authorized: accepted.authorized, subject: accepted.getPeerCertificate().subject }
  socket.destroy()
  accepted.destroy()
  listener.close()
  return seen
}

describe('client certificates', () => {
  test('carry the user name and groups through a TLS handshake', async () => {
    const { ca, server } = await ensurePki(dir, identity)
    expect(await shown(ca, server, issueAdminCertificate(ca))).toEqual({
      authorized: true,
      subject: { __proto__: null, CN: 'admin', O: 'system:masters' },
    })
    const { client } = issueAgentCertificates(ca, { node: 'node-1', addresses: ['192.0.2.7'] })
    expect(await shown(ca, server, client)).toMatchObject({
      authorized: true,
      subject: { CN: 'system:node:node-1', O: 'system:nodes' },
    })
  })

  test('are not accepted from another authority, nor when made for serving, nor when ended', async () => {
    const { ca, server } = await ensurePki(dir, identity)
    const stranger = newAuthority('thresher-ca')
    expect(await shown(ca, server, issueAdminCertificate(stranger))).toMatchObject({ authorized: false })
    const { serving } = issueAgentCertificates(ca, { node: 'node-1', addresses: [] })
    expect(await shown(ca, server, serving)).toMatchObject({ authorized: false })
    const now = new Date(Date.now() - 10 * 24 * 3600 * 1000)
    expect(await shown(ca, server, issueClientCertificate(ca, { name: 'x', days: 2, now }))).toMatchObject({
      authorized: false,
    })
  })

  test('never outlive their authority', () => {
    const ca = newAuthority('short', undefined, 30)
    const { cert } = issue(ca, { subject: { commonName: 'x' }, usages: ['client'], days: 900 })
    expect(new X509Certificate(cert).validTo).toBe(new X509Certificate(ca.cert).validTo)
  })
})

describe('signRequest', () => {
  async function request(subject: string, ...keyArgs: string[]): Promise<{ pem: string; keyPath: string }> {
    const keyPath = join(dir, 'request.key')
    const { stdout } = await run('openssl', [
      'req',
      '-new',
      '-nodes',
      '-keyout',
      keyPath,
      '-subj',
      subject,
      '-newkey',
      ...keyArgs,
    ])
    return { pem: stdout, keyPath }
  }

  test('certifies the key of a request under the name that the caller decided on', async () => {
    const { ca } = await ensurePki(join(dir, 'pki'), identity)
    for (const keyArgs of [['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], ['rsa:2048']]) {
      const { pem, keyPath } = await request('/O=system:masters/CN=admin', ...keyArgs)
      const cert = signRequest(ca, pem, {
        subject: { commonName: 'system:node:b', organizations: ['system:nodes'] },
        usages: ['client'],
      })
      const parsed = new X509Certificate(cert)
      expect(parsed.subject).toBe('O=system:nodes\nCN=system:node:b')
      expect(parsed.checkPrivateKey(createPrivateKey(await readFile(keyPath)))).toBe(true)
    }
  })

  test('refuses a weak key, a request whose signature is not by its key, and bytes that are no request', async () => {
    const { ca } = await ensurePki(join(dir, 'pki'), identity)
    const options = { subject: { commonName: 'x' }, usages: ['client' as const] }
    expect(() => signRequest(ca, 'hello', options)).toThrow('no PEM block')
    const weak = await request('/CN=x', 'rsa:1024')
    expect(() => signRequest(ca, weak.pem, options)).toThrow('too weak')
    const good = await request('/CN=x', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
    const bytes = Buffer.from(good.pem.split('\n').slice(1, -2).join(''), 'base64')
    // The outer sequence has three bytes of header; the signed part follows, then the algorithm's name, then the signature.
    const signedEnd = 3 + readDer(bytes.subarray(3))[0]!.raw.length
    for (let at = 3; at < signedEnd; at++) {
      const broken = Buffer.from(bytes)
      broken[at] = (broken[at] as number) ^ 1
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${broken.toString('base64')}\n-----END CERTIFICATE REQUEST-----`
      expect(() => signRequest(ca, pem, options), `byte ${at}`).toThrow()
    }
  })
})

describe('service-account keys', () => {
  test('are replaced while the old public key stays accepted until it is dropped', async () => {
    const { serviceAccount: before } = await ensurePki(dir, identity)
    const after = await rotateServiceAccountKey(dir)
    expect(after.signing).not.toBe(before.signing)
    expect(after.verifying).toEqual([
      createPublicKey(after.signing).export({ type: 'spki', format: 'pem' }),
      ...before.verifying,
    ])
    expect((await ensurePki(dir, identity)).serviceAccount).toEqual(after)
    expect((await dropOldServiceAccountKeys(dir)).verifying).toEqual([after.verifying[0]])
  })
})

describe('writeKubeconfig', () => {
  test('writes a file for its owner only, over one that others could read', async () => {
    const path = join(dir, 'admin.kubeconfig')
    await writeFile(path, 'old', { mode: 0o644 })
    await writeKubeconfig(path, {
      server: 'https://192.0.2.7:6443',
      ca: 'CA',
      name: 'thresher',
      cert: 'CERT',
      key: 'KEY',
    })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(parse(await readFile(path, 'utf8'))).toMatchObject({
      'current-context': 'thresher',
      users: [{ user: { 'client-certificate-data': 'Q0VSVA==', 'client-key-data': 'S0VZ' } }],
    })
  })
})
