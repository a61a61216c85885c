import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { KubeObject } from '@thresher/api/meta'
import { writeKubeconfig } from '../pki/kubeconfig.ts'
import type { TestServer } from '../testing.ts'
import { AuditLog } from '../audit/audit-log.ts'
import type { Security } from './security.ts'
import { startSecureServer, type SecureServer } from './testing.ts'

const run = promisify(execFile)
const kubectlPath = '/usr/bin/kubectl'
const audited: string[] = []
let secure: SecureServer
let directory: string
let server: TestServer
let security: Security
let password: string
let call: SecureServer['call']
let asAdmin: SecureServer['asAdmin']

beforeAll(async () => {
  secure = await startSecureServer({ audit: new AuditLog({ add: (line: string) => void audited.push(line) }) })
  ;({ directory, server, security, password, call, asAdmin } = secure)
})
afterAll(() => secure.close())

describe('over HTTPS', () => {
  test('nobody gets in without credentials, but health and version are open', async () => {
    expect(await call('GET', '/api/v1/namespaces')).toMatchObject({ status: 401, body: { reason: 'Unauthorized' } })
    expect((await call('GET', '/livez')).status).toBe(200)
    expect((await call('GET', '/version')).status).toBe(200)
    expect((await call('GET', '/metrics')).status).toBe(401)
    expect((await call('GET', '/api/v1/namespaces', { token: 'token-x:aaaaaaaaaaaaaaaaaaaaaaaaaaaa' })).status).toBe(
      401,
    )
  })

  test('a login gives a token that acts as the administrator until the logout', async () => {
    const session = await security.users.login('admin', password, '192.0.2.1')
    expect((await call('GET', '/api/v1/namespaces', { token: session.token })).status).toBe(200)
    const review = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      token: session.token,
      body: {},
    })
    expect(review).toMatchObject({
      status: 201,
      body: {
        status: {
          userInfo: {
            username: 'admin',
            groups: ['thresher:administrators', 'thresher:local-users', 'system:authenticated'],
          },
        },
      },
    })
    await security.users.logout(session.token)
    expect((await call('GET', '/api/v1/namespaces', { token: session.token })).status).toBe(401)
  })

  test('a service account does what its binding says, in the words of Kubernetes where not', async () => {
    await asAdmin('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'robot' } })
    const answer = await asAdmin<{ status: { token: string } }>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/robot/token',
      { spec: {} },
    )
    const { token } = answer.status
    expect(await call('GET', '/api/v1/namespaces/default/pods', { token })).toMatchObject({
      status: 403,
      body: {
        message:
          'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
      },
    })
    await asAdmin('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
      metadata: { name: 'robot-views' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }],
    })
    expect((await call('GET', '/api/v1/namespaces/default/pods', { token })).status).toBe(200)
    expect((await call('GET', '/api/v1/namespaces/default/secrets', { token })).status).toBe(403)
    expect((await call('GET', '/api/v1/namespaces/default', { token })).status).toBe(200)
    await asAdmin('DELETE', '/api/v1/namespaces/default/serviceaccounts/robot')
    expect((await call('GET', '/api/v1/namespaces/default/pods', { token })).status).toBe(401)
  })

  test('a legacy token Secret is filled and works', async () => {
    await asAdmin('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'old' } })
    await asAdmin('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 'old-token', annotations: { 'kubernetes.io/service-account.name': 'old' } },
      type: 'kubernetes.io/service-account-token',
    })
    const token = await vi.waitFor(async () => {
      const secret = await asAdmin<{ data?: Record<string, string> }>(
        'GET',
        '/api/v1/namespaces/default/secrets/old-token',
      )
      return Buffer.from(secret.data!.token!, 'base64').toString()
    }, 5000)
    expect(
      (await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { token, body: {} })).body,
    ).toMatchObject({
      status: { userInfo: { username: 'system:serviceaccount:default:old' } },
    })
  })

  test('the keys of the tokens are published to those who may see them', async () => {
    const cert = server.certificate({ name: 'boss', groups: ['system:masters'] })
    expect((await call('GET', '/openid/v1/jwks', { cert })).body).toMatchObject({
      keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256' }],
    })
    expect((await call('GET', '/.well-known/openid-configuration')).status).toBe(401)
  })

  test('every namespace gets its default service account, and pods run as it', async () => {
    await asAdmin('POST', '/api/v1/namespaces', { metadata: { name: 'fresh' } })
    await vi.waitFor(() => asAdmin('GET', '/api/v1/namespaces/fresh/serviceaccounts/default'), 5000)
    const pod = await asAdmin<{ spec: Record<string, unknown> }>('POST', '/api/v1/namespaces/fresh/pods', {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }], priorityClassName: 'system-node-critical' },
    })
    expect(pod.spec).toMatchObject({ serviceAccountName: 'default', priority: 2000001000 })
  })
})

describe('the audit log', () => {
  test('has changes, looks at secrets and whom it turned away, and no credential in it', async () => {
    audited.length = 0
    const cert = server.certificate({ name: 'boss', groups: ['system:masters'] })
    await call('DELETE', '/api/v1/namespaces/default/pods/x', { token: 'token-aaaa:a-credential-that-is-wrong' })
    await call('POST', '/api/v1/namespaces/default/secrets', {
      cert,
      body: { metadata: { name: 'hush' }, stringData: { a: 'a-credential-too' } },
    })
    await call('GET', '/api/v1/namespaces/default/secrets/hush', { cert })
    await call('GET', '/api/v1/namespaces/default/pods', { cert })
    const events = audited.map(
      (line) =>
        JSON.parse(line) as {
          verb: string
          user: { username: string }
          responseStatus: { code: number }
          sourceIPs: string[]
        },
    )
    expect(events.map(({ verb, user, responseStatus }) => [verb, user.username, responseStatus.code])).toEqual([
      ['delete', 'system:anonymous', 401],
      ['create', 'boss', 201],
      ['get', 'boss', 200],
    ])
    expect(events[0]!.sourceIPs[0]).toContain('127.0.0.1')
    expect(audited.join()).not.toContain('a-credential')
  })
})

describe('attacks', () => {
  const mallory = { name: 'mallory', groups: [] }
  test('headers that speak for a proxy or for TLS mean nothing', async () => {
    const spoofs: Record<string, string>[] = [
      { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' },
      { 'x-forwarded-client-cert': 'Subject="CN=admin,O=system:masters"' },
      { 'ssl-client-subject': 'CN=admin,O=system:masters' },
      { authorization: 'Basic YWRtaW46YWRtaW4=' },
      { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' },
    ]
    for (const headers of spoofs)
      expect((await call('GET', '/api/v1/namespaces', { headers })).status, JSON.stringify(headers)).toBe(401)
  })

  test('impersonation without the right is refused, also next to an open path', async () => {
    const cert = server.certificate(mallory)
    const headers = { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' }
    expect((await call('GET', '/api/v1/namespaces', { cert, headers })).status).toBe(403)
    expect((await call('GET', '/version', { cert, headers })).status).toBe(403)
  })

  test('paths that are written in another way do not lead around authorization', async () => {
    const cert = server.certificate(mallory)
    for (const path of [
      '/livez/../api/v1/secrets',
      '/livez/%2e%2e/api/v1/secrets',
      '/livez/..%2fapi%2fv1%2fsecrets',
      '//api/v1/secrets',
      '/api//v1/secrets',
      '/api/v1/secrets/',
      '/api/v1/%73ecrets',
      '/API/v1/secrets',
      '/api/v1/namespaces/default/secrets?watch=1',
      '/api/v1/namespaces//secrets',
      '/api/v1/namespaces/default%2fsecrets',
      '/version/../api/v1/secrets',
      '/api/v1/watch/secrets',
      '/api/v1/proxy/secrets',
      '/apis//v1/secrets',
      '/apis/%00/v1/secrets',
      '/api/v1/secrets#/livez',
      'http://localhost/api/v1/secrets',
    ]) {
      const { status, body } = await call('GET', path, { cert })
      expect([400, 403, 404], `${path} gave ${status} ${JSON.stringify(body)}`).toContain(status)
      expect(JSON.stringify(body)).not.toContain('SecretList')
    }
  })

  test('a method override or HEAD does not get more than GET', async () => {
    const cert = server.certificate(mallory)
    expect((await call('HEAD', '/api/v1/secrets', { cert })).status).toBe(403)
    expect(
      (await call('GET', '/api/v1/secrets', { cert, headers: { 'x-http-method-override': 'DELETE' } })).status,
    ).toBe(403)
  })

  test('an administrator of one namespace cannot rise: no stronger role, no foreign binding, no user, no token', async () => {
    await asAdmin('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
      metadata: { name: 'eve-admin' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
      subjects: [{ kind: 'User', name: 'eve' }],
    })
    const cert = server.certificate({ name: 'eve', groups: [] })
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    const bind = (role: string) => ({
      metadata: { generateName: 'x-' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'User', name: 'eve' }],
    })
    expect((await call('POST', `${rbac}/namespaces/default/rolebindings`, { cert, body: bind('view') })).status).toBe(
      201,
    )
    expect(
      (await call('POST', `${rbac}/namespaces/default/rolebindings`, { cert, body: bind('cluster-admin') })).status,
    ).toBe(403)
    expect((await call('POST', `${rbac}/clusterrolebindings`, { cert, body: bind('view') })).status).toBe(403)
    expect(
      (await call('POST', `${rbac}/namespaces/kube-system/rolebindings`, { cert, body: bind('view') })).status,
    ).toBe(403)
    const body = { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }] }
    expect((await call('POST', `${rbac}/namespaces/default/roles`, { cert, body })).status).toBe(403)
    expect(
      (await call('POST', '/apis/auth.thresher.io/v1/users', { cert, body: { metadata: { name: 'eve2' } } })).status,
    ).toBe(403)
  })

  test('who may write users but not impersonate cannot make himself an administrator', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    await asAdmin('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'user-keeper' },
      rules: [{ apiGroups: ['auth.thresher.io'], resources: ['*'], verbs: ['*'] }],
    })
    await asAdmin('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'user-keeper' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'user-keeper' },
      subjects: [{ kind: 'User', name: 'keeper' }],
    })
    const cert = server.certificate({ name: 'keeper', groups: [] })
    const users = '/apis/auth.thresher.io/v1/users'
    const make = (spec: Record<string, unknown>) =>
      call('POST', users, { cert, body: { metadata: { name: 'made' }, spec } })
    expect((await make({ password: 'long enough for all' })).status).toBe(403)
    expect((await make({ groups: ['thresher:administrators'] })).status).toBe(403)
    const admin = await asAdmin<KubeObject & { spec: Record<string, unknown> }>('GET', `${users}/admin`)
    expect(
      (
        await call('PUT', `${users}/admin`, {
          cert,
          body: { ...admin, spec: { ...admin.spec, password: 'now it is my own one' } },
        })
      ).status,
    ).toBe(403)
    const token = {
      metadata: { name: 'token-forged' },
      spec: { userName: 'admin', userUid: admin.metadata.uid, secretHash: 'a'.repeat(64) },
    }
    expect((await call('POST', '/apis/auth.thresher.io/v1/tokens', { cert, body: token })).status).toBe(403)
    expect((await make({ displayName: 'harmless' })).status).toBe(201)
  })

  test('who may impersonate a user but not his groups gets no token of his', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    await asAdmin('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'half' },
      rules: [
        { apiGroups: ['auth.thresher.io'], resources: ['tokens'], verbs: ['create'] },
        { apiGroups: [''], resources: ['users'], resourceNames: ['admin'], verbs: ['impersonate'] },
      ],
    })
    await asAdmin('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'half' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'half' },
      subjects: [{ kind: 'User', name: 'halfway' }],
    })
    const admin = await asAdmin<KubeObject>('GET', '/apis/auth.thresher.io/v1/users/admin')
    const token = {
      metadata: { name: 'token-half' },
      spec: { userName: 'admin', userUid: admin.metadata.uid, secretHash: 'a'.repeat(64) },
    }
    const cert = server.certificate({ name: 'halfway', groups: [] })
    expect(await call('POST', '/apis/auth.thresher.io/v1/tokens', { cert, body: token })).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('impersonate" on groups "thresher:administrators"') },
    })
  })

  test('an apply that would create needs the verb create', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    await asAdmin('POST', `${rbac}/namespaces/default/roles`, {
      metadata: { name: 'patcher' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch', 'get'] }],
    })
    await asAdmin('POST', `${rbac}/namespaces/default/rolebindings`, {
      metadata: { name: 'patcher' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'patcher' },
      subjects: [{ kind: 'User', name: 'patcher' }],
    })
    const cert = server.certificate({ name: 'patcher', groups: [] })
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { a: '1' } }
    const headers = { 'content-type': 'application/apply-patch+yaml' }
    const apply = () =>
      call('PATCH', '/api/v1/namespaces/default/configmaps/applied?fieldManager=t', { cert, body, headers })
    expect(await apply()).toMatchObject({
      status: 403,
      body: {
        message:
          'configmaps "applied" is forbidden: User "patcher" cannot create resource "configmaps" in API group "" in the namespace "default"',
      },
    })
    await asAdmin('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'applied' } })
    expect((await apply()).status).toBe(200)
  })

  test('passwords that are written through the API come back neither in the answer nor from the store', async () => {
    const body = { metadata: { name: 'ann' }, spec: { password: 'correct horse battery' } }
    const cert = server.certificate({ name: 'boss', groups: ['system:masters'] })
    const made = await call('POST', '/apis/auth.thresher.io/v1/users', { cert, body })
    expect(made.status).toBe(201)
    expect(JSON.stringify(made.body)).not.toContain('correct horse')
    expect((await security.users.login('ann', 'correct horse battery', '192.0.2.9')).token).toBeDefined()
    const session = await security.users.login('ann', 'correct horse battery', '192.0.2.9')
    await new Promise((done) => setTimeout(done, 1100))
    const patch = {
      cert,
      body: { spec: { password: 'another good password' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    }
    expect((await call('PATCH', '/apis/auth.thresher.io/v1/users/ann', patch)).status).toBe(200)
    expect((await call('GET', '/version', { token: session.token })).status).toBe(200)
    expect((await call('GET', '/api', { token: session.token })).status).toBe(401)
    const next = await security.users.login('ann', 'another good password', '192.0.2.9')
    expect((await call('GET', '/api', { token: next.token })).status).not.toBe(401)
    const again = {
      cert,
      body: { spec: { password: 'another good password', displayName: 'Ann' } },
      headers: patch.headers,
    }
    expect((await call('PATCH', '/apis/auth.thresher.io/v1/users/ann', again)).status).toBe(200)
    const live = await asAdmin<KubeObject>('GET', '/apis/auth.thresher.io/v1/users/ann')
    const put = { cert, body: { ...live, spec: { displayName: 'Anna' } } }
    expect((await call('PUT', '/apis/auth.thresher.io/v1/users/ann', put)).status).toBe(200)
    expect((await call('GET', '/api', { token: next.token })).status).not.toBe(401)
    expect((await security.users.login('ann', 'another good password', '192.0.2.9')).token).toBeDefined()
    const weak = await call('POST', '/apis/auth.thresher.io/v1/users', {
      cert,
      body: { metadata: { name: 'bob' }, spec: { password: 'short' } },
    })
    expect(weak.status).toBe(422)
  })
})

describe.runIf(existsSync(kubectlPath))('kubectl', () => {
  const kubectl = async (...args: string[]) => {
    const { stdout } = await run(kubectlPath, args, {
      env: { ...process.env, KUBECONFIG: server.kubeconfig, HOME: directory },
      timeout: 30_000,
    }).catch((error: { stdout?: string; stderr?: string }) => ({
      stdout: `${error.stdout ?? ''}${error.stderr ?? ''}`,
    }))
    return stdout
  }
  test('asks who it is and what it may', async () => {
    expect(await kubectl('auth', 'whoami')).toMatch(/Username\s+admin/)
    expect(await kubectl('auth', 'can-i', 'delete', 'nodes')).toMatch(/^yes/m)
    expect(await kubectl('auth', 'can-i', 'delete', 'pods', '--as=jane')).toMatch(/^no/m)
    expect(await kubectl('auth', 'can-i', '--list', '--as=system:serviceaccount:default:x')).toMatch(
      /selfsubjectaccessreviews\.authorization\.k8s\.io/,
    )
  })

  test('creates a token that works in a kubeconfig', async () => {
    await asAdmin('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'tokened' } })
    await asAdmin('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'tokened' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'tokened', namespace: 'default' }],
    })
    const token = (await kubectl('create', 'token', 'tokened', '--duration=1h')).trim()
    expect(token).toMatch(/^[^.\s]+\.[^.\s]+\.[^.\s]+$/)
    const path = join(directory, 'tokened.kubeconfig')
    await writeKubeconfig(path, { server: server.url, ca: server.pki.ca.cert, name: 't', token })
    expect(await kubectl('--kubeconfig', path, 'auth', 'whoami')).toMatch(/system:serviceaccount:default:tokened/)
    expect(await kubectl('--kubeconfig', path, 'get', '--raw', '/api/v1/pods')).toMatch(/PodList/)
    expect(await kubectl('--kubeconfig', path, 'get', '--raw', '/api/v1/secrets')).toMatch(
      /secrets is forbidden: User "system:serviceaccount:default:tokened" cannot list resource "secrets"/,
    )
  })
})
