import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ensurePki } from './ensure.ts'
import { renewCertificates } from './renewal.ts'

test('a running server gets a new certificate when its address changes, once', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'renewal-'))
  let addresses = ['192.0.2.1']
  const identity = () => ({ names: ['h'], addresses })
  const served: string[] = []
  const stop = renewCertificates({
    dir,
    identity,
    current: await ensurePki(dir, identity()),
    onServer: ({ cert }) => served.push(cert),
    onError: (error) => expect(error).toBeUndefined(),
    everyMs: 15,
  })
  const settle = () => new Promise((done) => setTimeout(done, 100))
  await settle()
  expect(served).toHaveLength(0)
  addresses = ['192.0.2.2']
  await vi.waitFor(() => expect(served).toHaveLength(1), 5000)
  await settle()
  stop()
  await settle()
  expect(served).toHaveLength(1)
  expect(new X509Certificate(served[0]!).checkIP('192.0.2.2')).toBeDefined()
  await rm(dir, { recursive: true })
})
