import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { describe, expect, it } from 'vitest'
import type { ServerResponse } from '../request.ts'
import { admin, startTestServer, type TestServer } from '../testing.ts'

const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"1","x":"2"}},"colour":"red"}'

function post(server: TestServer, fieldValidation?: string): Promise<ServerResponse> {
  return server.api.handle({
    method: 'POST',
    path: '/api/v1/namespaces/default/configmaps',
    query: new URLSearchParams({ dryRun: 'All', ...(fieldValidation ? { fieldValidation } : {}) }),
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(body),
    user: admin,
    signal: new AbortController().signal,
  })
}

describe('field validation', () => {
  it('refuses, warns of or ignores unknown and repeated fields as the caller asks', async () => {
    await using server = await startTestServer({ kinds: [Namespace, ConfigMap] })
    const strict = await post(server, 'Strict')
    expect(strict.status).toBe(400)
    expect('value' in strict && strict.value()).toMatchObject({
      reason: 'BadRequest',
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "colour", duplicate field "metadata.labels.x"',
    })
    const warned = await post(server, 'Warn')
    expect([warned.status, warned.warnings]).toEqual([
      201,
      ['unknown field "colour"', 'duplicate field "metadata.labels.x"'],
    ])
    expect((await post(server, 'Ignore')).warnings).toBeUndefined()
  })
})
