import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { issueClientCertificate, ensurePki } from '@thresher/apiserver/pki/ensure'
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
