import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubectlFor, type Kubectl } from '@thresher/apiserver/kubectl'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type Caller, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
let kubectl: Kubectl
let tenant: Caller
const folder = mkdtempSync(join(tmpdir(), 'thresher-csr-'))
beforeAll(async () => {
  server = await startWholeServer()
  kubectl = await kubectlFor(server.kubeconfig)
  tenant = server.caller('tenant')
  const resources = [requests, `${requests}/approval`, `${requests}/status`]
  const rules = [{ apiGroups: ['certificates.k8s.io'], resources, verbs: ['get', 'create', 'update', 'patch'] }]
  await ask(server.admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'asker' },
    rules,
  })
  await ask(server.admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'asker' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'asker' },
    subjects: [{ kind: 'User', name: 'tenant', apiGroup: 'rbac.authorization.k8s.io' }],
  })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await kubectl[Symbol.asyncDispose]()
  await server.close()
})

const requests = 'certificatesigningrequests'
const path = `/apis/certificates.k8s.io/v1/${requests}`

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked at as they come
async function ask(as: Caller, method: string, at: string, body?: object, type?: string): Promise<any> {
  const { status, text } = await server.ask(as, method, at, body, type)
  return { code: status, ...(JSON.parse(text) as object) }
}

/** A request as openssl makes it, in base64. */
function openssl(subject: string, ...more: string[]): string {
  const [key, request] = [join(folder, 'key.pem'), join(folder, 'request.pem')]
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key]
  execFileSync('openssl', ['req', '-new', ...made, '-subj', subject, '-out', request, ...more], { stdio: 'ignore' })
  return readFileSync(request).toString('base64')
}

const client = 'kubernetes.io/kube-apiserver-client'
const serving = 'kubernetes.io/kubelet-serving'
const wish = (name: string, request: string, signerName = client, usages = ['client auth'], more = {}) => ({
  metadata: { name },
  spec: { request, signerName, usages },
  ...more,
})
const read = (name: string) => ask(server.admin, 'GET', `${path}/${name}`)
const conditions = async (name: string) =>
  ((await read(name)).status?.conditions ?? []) as { type: string; reason?: string; message?: string }[]

describe('kubectl certificate', () => {
  test('approve: the certificate is issued, names who was asked for, and opens the API to him', async () => {
    const made = await ask(tenant, 'POST', path, wish('mine', openssl('/O=devs/CN=anna')))
    expect(made).toMatchObject({ code: 201, spec: { username: 'tenant' } })
    expect((await kubectl('certificate', 'approve', 'mine')).stdout).toContain('approved')
    await expect.poll(async () => (await read('mine')).status.certificate).toBeTruthy()
    const pem = Buffer.from((await read('mine')).status.certificate, 'base64').toString()
    const certificate = new X509Certificate(pem)
    expect(certificate.subject).toBe('O=devs\nCN=anna')
    expect(certificate.verify(new X509Certificate(server.ca).publicKey)).toBe(true)
    const anna = { cert: pem, key: readFileSync(join(folder, 'key.pem'), 'utf8') }
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} }
    const self = await ask(anna, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', review)
    expect(self.status.userInfo).toMatchObject({
      username: 'anna',
      groups: expect.arrayContaining(['devs']) as unknown,
    })
    expect((await kubectl('get', 'csr', 'mine')).stdout).toContain('Approved,Issued')
  })

  test('deny: nothing is issued, and it cannot be approved afterwards', async () => {
    await ask(tenant, 'POST', path, wish('denied', openssl('/CN=bert')))
    expect((await kubectl('certificate', 'deny', 'denied')).stdout).toContain('denied')
    expect((await kubectl('certificate', 'approve', 'denied', '--force')).code).not.toBe(0)
    expect((await read('denied')).status.certificate).toBeUndefined()
    expect((await conditions('denied')).map(({ type }) => type)).toEqual(['Denied'])
  })
})

describe('somebody who may write requests, but not approve', () => {
  const approved = { status: { conditions: [{ type: 'Approved', status: 'True' }] } }
  const merge = 'application/merge-patch+json'

  test('cannot approve: not while creating, not by approval, not by status, not by an update', async () => {
    const made = await ask(tenant, 'POST', path, wish('sly', openssl('/CN=sly'), client, ['client auth'], approved))
    expect(made).toMatchObject({ code: 201 })
    expect(made.status?.conditions).toBeUndefined()
    expect((await ask(tenant, 'PATCH', `${path}/sly/approval`, approved, merge)).code).toBe(403)
    expect((await ask(tenant, 'PATCH', `${path}/sly/status`, approved, merge)).code).toBe(422)
    await ask(tenant, 'PATCH', `${path}/sly`, approved, merge)
    expect(await conditions('sly')).toEqual([])
  })

  test('cannot put a certificate of his own there', async () => {
    await ask(tenant, 'POST', path, wish('forged', openssl('/CN=forged')))
    const patch = { status: { certificate: 'Zm9yZ2Vk' } }
    expect((await ask(tenant, 'PATCH', `${path}/forged/status`, patch, merge)).code).toBe(403)
    expect((await ask(tenant, 'PATCH', `${path}/forged/approval`, patch, merge)).code).toBe(403)
    expect((await read('forged')).status?.certificate).toBeUndefined()
  })

  test('cannot ask for a certificate that is over at once', async () => {
    const { metadata, spec } = wish('brief', openssl('/CN=brief'))
    expect((await ask(tenant, 'POST', path, { metadata, spec: { ...spec, expirationSeconds: 59 } })).code).toBe(422)
  })

  test('cannot even ask to be a master, or with what is no request', async () => {
    expect((await ask(tenant, 'POST', path, wish('master', openssl('/O=system:masters/CN=root')))).code).toBe(403)
    expect((await ask(tenant, 'POST', path, wish('junk', Buffer.from('junk').toString('base64')))).code).toBe(422)
  })

  test('does not change what is approved by changing the request meanwhile', async () => {
    await ask(tenant, 'POST', path, wish('swapped', openssl('/CN=harmless')))
    await ask(
      tenant,
      'PATCH',
      `${path}/swapped`,
      { spec: { request: openssl('/O=system:nodes/CN=system:node:a') } },
      merge,
    )
    const { spec } = await read('swapped')
    expect(Buffer.from(spec.request, 'base64').toString()).not.toBe(readFileSync(join(folder, 'request.pem'), 'utf8'))
  })
})

describe('a signer', () => {
  test.each([
    ['of clients', 'usage', '/CN=a', client, ['client auth', 'server auth'], 'server auth'],
    ['of clients', 'missing usage', '/CN=a', client, ['digital signature'], 'client auth'],
    ['of clients', 'subject', '/C=DE/CN=a', client, ['client auth'], ''],
    ['of kubelets', 'organization', '/O=devs/CN=system:node:a', serving, ['server auth'], 'system:nodes'],
    ['of kubelets', 'lack of names', '/O=system:nodes/CN=system:node:a', serving, ['server auth'], 'DNS name'],
  ])('%s does not sign a wrong %s', async (_who, what, subject, signer, usages, message) => {
    const name = `wrong-${what.replaceAll(' ', '-')}`
    const made = await ask(server.admin, 'POST', path, wish(name, openssl(subject), signer, usages))
    if (made.code === 422) return expect(message).toBe('')
    await kubectl('certificate', 'approve', name)
    await expect.poll(async () => (await conditions(name)).map(({ type }) => type)).toEqual(['Approved', 'Failed'])
    expect((await conditions(name))[1]).toMatchObject({ reason: 'SignerValidationFailure' })
    expect((await conditions(name))[1]!.message).toContain(message)
  })

  test('of kubelets gives a certificate for the names that were approved', async () => {
    const names = 'subjectAltName=DNS:a.example,IP:10.0.0.9'
    const request = openssl('/O=system:nodes/CN=system:node:a', '-addext', names)
    await ask(server.admin, 'POST', path, wish('kubelet', request, serving, ['digital signature', 'server auth']))
    await kubectl('certificate', 'approve', 'kubelet')
    await expect.poll(async () => (await read('kubelet')).status.certificate).toBeTruthy()
    const certificate = new X509Certificate(Buffer.from((await read('kubelet')).status.certificate, 'base64'))
    expect(certificate.subjectAltName).toBe('DNS:a.example, IP Address:10.0.0.9')
  })

  test('of somebody else is left to him', async () => {
    await ask(server.admin, 'POST', path, wish('other', openssl('/CN=a'), 'example.com/own'))
    await kubectl('certificate', 'approve', 'other')
    expect((await read('other')).status.certificate).toBeUndefined()
  })
})
