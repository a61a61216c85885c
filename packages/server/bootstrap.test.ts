import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { issueClientCertificate, ensurePki } from '@thresher/apiserver/pki/ensure'
import { renewCertificates } from '@thresher/apiserver/pki/renewal'
import { bootstrapFiles, writeBootstrap } from './bootstrap.ts'
import { takeOver } from './handover.ts'

test('a host that was off for two years has good certificates again after a start of its server', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'bootstrap-'))
  try {
    const now = new Date(Date.now() - 2 * 365 * 24 * 3600 * 1000)
    const identity = { names: [], addresses: [] }
    const then = await ensurePki(join(dataDir, 'pki'), { ...identity, now })
    const folder = join(dataDir, 'bootstrap')
    const files = bootstrapFiles('n1')
    mkdirSync(folder)
    for (const [names, name] of [
      [files.admin, 'admin'],
      [files.node, 'system:node:n1'],
    ] as const) {
      const old = issueClientCertificate(then.ca, { name, now })
      expect(Date.parse(new X509Certificate(old.cert).validTo)).toBeLessThan(Date.now())
      writeFileSync(join(folder, names.cert), old.cert)
      writeFileSync(join(folder, names.key), old.key)
    }
    const pki = await ensurePki(join(dataDir, 'pki'), identity)
    expect(pki.ca.cert).toBe(then.ca.cert)
    await writeBootstrap({ dataDir, nodeName: 'n1', serverUrl: 'https://127.0.0.1:6443', pki })
    const read = (file: string) => readFileSync(join(folder, file), 'utf8')
    takeOver(read, { server: 'https://127.0.0.1:6443', nodeName: 'n1' })
    const soon = Date.now() + 300 * 24 * 3600 * 1000
    for (const pem of [
      pki.server.cert,
      pki.agentClient.cert,
      ...[files.admin, files.node, files.agent].map((one) => read(one.cert)),
    ])
      expect(Date.parse(new X509Certificate(pem).validTo)).toBeGreaterThan(soon)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('a server that runs for long renews what it handed out before that ends, and keeps what is good', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'bootstrap-'))
  const identity = { names: [], addresses: [] }
  const pki = await ensurePki(join(dataDir, 'pki'), identity)
  const bootstrap = { dataDir, nodeName: 'n1', serverUrl: 'https://127.0.0.1:6443' }
  const files = bootstrapFiles('n1')
  const path = (file: string) => join(dataDir, 'bootstrap', file)
  const read = (file: string) => readFileSync(path(file), 'utf8')
  await writeBootstrap({ ...bootstrap, pki })
  const served = read(files.agent.cert)
  let looks = 0
  const stop = renewCertificates({
    dir: pki.dir,
    current: pki,
    identity: () => identity,
    onServer: () => {},
    onLook: async (renewed) => {
      await writeBootstrap({ ...bootstrap, pki: renewed })
      looks += 1
    },
    onError: (error) => expect(error).toBeUndefined(),
    everyMs: 50,
  })
  try {
    await vi.waitFor(() => expect(looks).toBeGreaterThan(1), 5000)
    expect(read(files.agent.cert)).toBe(served)
    const ends = (file: string) => Date.parse(new X509Certificate(read(file)).validTo)
    const soon = Date.now() + 300 * 24 * 3600 * 1000
    for (const [names, name] of [
      [files.admin, 'admin'],
      [files.node, 'system:node:n1'],
      [files.agent, 'system:node:n1'],
    ] as const) {
      const short = issueClientCertificate(pki.ca, { name, days: 1 })
      writeFileSync(path(names.key), short.key)
      writeFileSync(path(names.cert), short.cert)
      await vi.waitFor(() => expect(ends(names.cert)).toBeGreaterThan(soon), 5000)
    }
    const before = looks
    await vi.waitFor(() => expect(looks).toBeGreaterThan(before + 1), 5000)
    takeOver(read, { server: bootstrap.serverUrl, nodeName: 'n1' })
  } finally {
    stop()
    await new Promise((done) => setTimeout(done, 100))
    rmSync(dataDir, { recursive: true, force: true })
  }
})
