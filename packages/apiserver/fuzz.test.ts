import { expect, test } from 'vitest'
import { kinds } from '@thresher/api/kinds'
import { fuzz } from './fuzz.ts'
import { startTestServer } from './testing.ts'

test('broken requests of every sort are refused without a failure, a hang or a trace', async () => {
  await using server = await startTestServer({ kinds })
  const certificate = server.certificate({ name: 'admin', groups: ['system:masters'] })
  const report = await fuzz({ url: server.url, ca: server.pki.ca.cert, ...certificate }, { requests: 1500, seed: 7 })
  expect(report.faults).toEqual([])
  expect(report.requests).toBe(1500)
  expect(({} as Record<string, unknown>).x).toBeUndefined()
  const health = await server.transport().request({ method: 'GET', path: '/readyz' })
  expect(health).toBe('ok')
}, 60_000)
