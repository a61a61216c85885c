import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RequestInfo, ServerRequest } from '../request.ts'
import type { User } from '../user.ts'
import { AuditFile } from './audit-file.ts'
import { AuditLog } from './audit-log.ts'
import { defaultPolicy, levelOf, parsePolicy, type Policy } from './policy.ts'

let dir: string
let path: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'audit-'))
  path = join(dir, 'audit.log')
})
afterEach(() => rm(dir, { recursive: true }))

const jane: User = { name: 'jane', groups: ['devs'] }
const info = (verb: string, resource: string, options: Partial<RequestInfo> = {}): RequestInfo => ({
  verb,
  resource,
  resourceRequest: resource !== '',
  path: '',
  group: '',
  version: 'v1',
  subresource: '',
  rest: '',
  namespace: 'a',
  name: 'x',
  ...options,
})
const request = (body?: unknown): ServerRequest => ({
  method: 'POST',
  path: '/api/v1/namespaces/a/things',
  query: new URLSearchParams('dryRun=All'),
  headers: { 'user-agent': 'kubectl/v1', authorization: 'Bearer token-1:very-secret' },
  body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
  credentials: { headers: {}, remoteAddress: '192.0.2.1' },
  signal: new AbortController().signal,
})
const all = (level: 'Metadata' | 'Request' | 'RequestResponse'): Policy => ({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [{ level }],
})
const events = async () =>
  (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('the audit log', () => {
  test('says who did what to which object from where and how it ended, one JSON line each', async () => {
    const file = new AuditFile(path)
    new AuditLog(file).begin(request({ a: 1 }), info('create', 'pods'), jane)(201)
    await file.close()
    expect(await events()).toEqual([
      expect.objectContaining({
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        level: 'Metadata',
        stage: 'ResponseComplete',
        verb: 'create',
        requestURI: '/api/v1/namespaces/a/things?dryRun=All',
        user: { username: 'jane', groups: ['devs', 'system:authenticated'] },
        sourceIPs: ['192.0.2.1'],
        objectRef: { resource: 'pods', namespace: 'a', name: 'x', apiVersion: 'v1' },
        responseStatus: { metadata: {}, code: 201 },
      }),
    ])
    expect((await events())[0]).not.toHaveProperty('requestObject')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('never holds a secret, whatever the policy says', async () => {
    const file = new AuditFile(path)
    const log = new AuditLog(file, all('RequestResponse'))
    const secret = { data: { password: 'c2VjcmV0' }, stringData: { x: 'very-secret' } }
    log.begin(request(secret), info('create', 'secrets'), jane)(201, secret)
    log.begin(
      request({ spec: { token: 'very-secret' } }),
      info('create', 'tokenreviews', { group: 'authentication.k8s.io' }),
      jane,
    )(201)
    log.begin(
      request({ spec: {} }),
      info('create', 'serviceaccounts', { subresource: 'token' }),
      jane,
    )(201, { status: { token: 'very-secret' } })
    const machine = {
      spec: {
        template: {
          volumes: [
            {
              cloudInitNoCloud: {
                userData: 'very-secret',
                userDataBase64: 'very-secret',
                secretRef: { name: 'shown-name' },
              },
            },
          ],
        },
      },
      metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'very-secret' } },
      value: { secretAccessKey: 'very-secret', BackupPassword: 'very-secret', replicas: 3 },
    }
    log.begin(request(machine), info('create', 'virtualmachines', { group: 'kubevirt.io' }), jane)(201, machine)
    await file.close()
    const text = await readFile(path, 'utf8')
    expect(text).not.toContain('very-secret')
    expect(text).not.toContain('c2VjcmV0')
    expect(text).toContain('shown-name')
    expect((await events())[3]).toMatchObject({
      requestObject: { value: { replicas: 3, secretAccessKey: '<hidden>' } },
    })
  })

  test('drops and counts what the disk cannot take, and goes on when it can again', async () => {
    const file = new AuditFile(path, { bufferBytes: 1000 })
    for (let at = 0; at < 50; at++) file.add('x'.repeat(100))
    expect(file.dropped).toBeGreaterThan(30)
    const outages: object[] = []
    const place = join(dir, 'no', 'such')
    const blocked = new AuditFile(join(place, 'place'), {}, (outage) => outages.push(outage))
    for (const line of ['one', 'two']) {
      blocked.add(line)
      await blocked.flush()
    }
    expect(blocked.dropped).toBe(2)
    expect(blocked.lastError).toBeDefined()
    expect(outages).toEqual([{ began: expect.objectContaining({ code: 'ENOENT' }) as unknown }])
    await mkdir(place, { recursive: true })
    blocked.add('three')
    await blocked.close()
    expect(outages[1]).toEqual({ ended: 2 })
    expect(await readFile(join(place, 'place'), 'utf8')).toContain('three\n')
    await file.close()
  })

  test('begins a new file at its size and keeps only so many', async () => {
    const file = new AuditFile(path, { maxBytes: 1000, keep: 2 })
    for (let at = 0; at < 20; at++) {
      file.add(JSON.stringify({ at, text: 'x'.repeat(400) }))
      await file.flush()
    }
    await file.close()
    const names = await readdir(dir)
    expect(names.filter((name) => name.startsWith('audit.log.'))).toHaveLength(2)
    expect((await stat(path)).size).toBeLessThan(2000)
    expect((await events()).at(-1)).toMatchObject({ at: 19 })
  })
})

describe('the default policy', () => {
  const level = (verb: string, resource: string, options: Partial<RequestInfo> = {}, user = jane) =>
    levelOf(defaultPolicy, user, info(verb, resource, options))
  test('writes down changes and looks at secrets, not reads, heartbeats and health checks', () => {
    expect(level('delete', 'pods')).toBe('Metadata')
    expect(level('list', 'pods')).toBe('None')
    expect(level('get', 'secrets')).toBe('Metadata')
    expect(level('list', 'users', { group: 'auth.thresher.io' })).toBe('Metadata')
    expect(level('get', 'virtualmachineinstances', { group: 'subresources.kubevirt.io', subresource: 'console' })).toBe(
      'Metadata',
    )
    expect(level('update', 'leases', { group: 'coordination.k8s.io' })).toBe('None')
    expect(level('get', '', { path: '/livez' })).toBe('None')
    expect(level('post', '', { path: '/v3-public/localProviders/local' })).toBe('Metadata')
  })
})

test('a policy that is written wrongly is refused with the place', () => {
  expect(() =>
    parsePolicy({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata' }, { level: 'Everything' }],
    }),
  ).toThrow('rules[1].level')
  expect(() => parsePolicy({ rules: [] })).toThrow('apiVersion audit.k8s.io/v1')
})
