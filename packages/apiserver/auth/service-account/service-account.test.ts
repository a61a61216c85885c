import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, SignJWT, importPKCS8 } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import type { KubeObject } from '@thresher/api/meta'
import { newPrivateKey } from '../../pki/certificate.ts'
import { MemoryObjects } from '../memory-objects.ts'
import { issuerConfiguration } from './discovery-documents.ts'
import { TokenKeys } from './jwt.ts'
import { followTokenSecrets, type TokenSecret } from './legacy-secrets.ts'
import { ServiceAccountAuthenticator } from './token-authenticator.ts'
import { secrets, serviceAccounts, TokenIssuer } from './token-issuer.ts'
import { createToken, type TokenRequest } from './token-request.ts'

const pods = { group: '', plural: 'pods' }
let objects: MemoryObjects
let issuer: TokenIssuer
let clock: number
const signing = newPrivateKey()

beforeEach(async () => {
  objects = new MemoryObjects()
  clock = Date.now()
  issuer = new TokenIssuer({
    issuer: 'https://kubernetes.default.svc',
    keys: new TokenKeys({ signing, verifying: [] }),
    objects: () => objects,
    now: () => clock,
  })
  await objects.create(serviceAccounts, { metadata: { namespace: 'a', name: 'robot', uid: 'u1' } })
})

const request = (spec: TokenRequest['spec'] = {}): TokenRequest => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  metadata: {},
  spec,
})
const token = (spec?: TokenRequest['spec']) =>
  createToken(issuer, objects, { namespace: 'a', name: 'robot' }, request(spec), clock).status!.token

describe('service-account tokens', () => {
  test('name the account with its groups', () => {
    expect(issuer.verify(token())?.user).toMatchObject({
      name: 'system:serviceaccount:a:robot',
      uid: 'u1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a'],
    })
  })

  test('are verified by others from the published keys', async () => {
    const keys = createLocalJWKSet(issuer.keys.jwks() as never)
    const { payload } = await jwtVerify(token({ audiences: ['vault'] }), keys, {
      issuer: 'https://kubernetes.default.svc',
      audience: 'vault',
    })
    expect(payload.sub).toBe('system:serviceaccount:a:robot')
    expect(issuerConfiguration(issuer, 'https://192.0.2.7:6443')).toMatchObject({
      jwks_uri: 'https://192.0.2.7:6443/openid/v1/jwks',
      id_token_signing_alg_values_supported: ['ES256'],
    })
  })

  test('end at their time, with their account, and with the pod they are bound to', async () => {
    const plain = token({ expirationSeconds: 600 })
    await objects.create(pods, {
      metadata: { namespace: 'a', name: 'p', uid: 'p1' },
      spec: { serviceAccountName: 'robot', nodeName: 'n1' },
    } as KubeObject)
    const bound = token({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'p1' } })
    expect(issuer.verify(bound)?.user.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
      'authentication.kubernetes.io/node-name': ['n1'],
    })
    clock += 601_000
    expect(() => issuer.verify(plain)).toThrow('expired')
    expect(issuer.verify(bound)).toBeDefined()
    await objects.delete(pods, 'a', 'p')
    expect(() => issuer.verify(bound)).toThrow('the Pod p to which the token is bound is gone')
    const other = token()
    await objects.delete(serviceAccounts, 'a', 'robot')
    await objects.create(serviceAccounts, { metadata: { namespace: 'a', name: 'robot', uid: 'u2' } })
    expect(() => issuer.verify(other)).toThrow('the service account a/robot is gone')
  })

  test('for another audience are refused, also by the authenticator, which tells no reason', () => {
    const foreign = token({ audiences: ['vault'] })
    expect(() => issuer.verify(foreign)).toThrow('another audience')
    expect(issuer.verify(foreign, ['vault', 'x'])?.audiences).toEqual(['vault'])
    const authenticator = new ServiceAccountAuthenticator(issuer)
    expect(() => authenticator.authenticate({ headers: { authorization: `Bearer ${foreign}` } })).toThrow(
      /^Unauthorized$/,
    )
    expect(authenticator.authenticate({ headers: { authorization: `Bearer ${token()}` } })?.name).toBe(
      'system:serviceaccount:a:robot',
    )
    expect(authenticator.authenticate({ headers: { authorization: 'Bearer other' } })).toBeUndefined()
  })

  test('of the old key stay good after a rotation until the old key is dropped', () => {
    const old = token()
    const next = newPrivateKey()
    const make = (verifying: string[]) =>
      new TokenIssuer({
        issuer: issuer.issuer,
        keys: new TokenKeys({ signing: next, verifying }),
        objects: () => objects,
      })
    const oldPublic = new TokenKeys({ signing, verifying: [] })
    expect(make([signing]).verify(old)).toBeDefined()
    expect(make([]).verify(old)).toBeUndefined()
    expect(oldPublic.jwks().keys).toHaveLength(1)
  })

  test('that are forged are not ours: no algorithm, a public key as HMAC secret, another key, a changed claim', async () => {
    const good = token()
    const [header = '', claims = '', signature = ''] = good.split('.')
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const parsed = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
    const kid = (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid
    const stranger = await new SignJWT(parsed as never)
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(await importPKCS8(newPrivateKey(), 'ES256'))
    const hmac = await new SignJWT(parsed as never).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.from(signing))
    for (const forged of [
      `${part({ alg: 'none' })}.${claims}.`,
      `${part({ alg: 'none' })}.${claims}.${signature}`,
      `${part({ alg: 'ES256', kid: 'other' })}.${claims}.${signature}`,
      `${header}.${part({ ...parsed, sub: 'system:serviceaccount:kube-system:boss' })}.${signature}`,
      `${part({ alg: 'ES256', kid, crit: ['x'] })}.${claims}.${signature}`,
      `${header}.${claims}.${'A'.repeat(86)}`,
      `${good}.x`,
      `${good}\n`,
      stranger,
      hmac,
    ])
      expect(issuer.verify(forged), forged).toBeUndefined()
  })

  test('can be signed and verified with RSA keys too', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
    const keys = new TokenKeys({ signing: rsa, verifying: [signing] })
    expect(keys.verify(keys.sign({ a: 1 }))).toEqual({ a: 1 })
    expect(keys.verify(token())).toBeDefined()
    expect(keys.algorithms()).toEqual(['RS256', 'ES256'])
  })
})

describe('createToken', () => {
  test('refuses short lives, unknown accounts and what cannot be bound', async () => {
    await objects.create(pods, {
      metadata: { namespace: 'a', name: 'p', uid: 'p1' },
      spec: { serviceAccountName: 'other' },
    } as KubeObject)
    expect(() => token({ expirationSeconds: 60 })).toThrow('may not specify a duration less than 10 minutes')
    expect(() => createToken(issuer, objects, { namespace: 'a', name: 'no' }, request())).toThrow(
      'serviceaccounts "no" not found',
    )
    expect(() => token({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } })).toThrow(
      'different serviceaccount name',
    )
    expect(() => token({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'p' } })).toThrow('cannot bind')
    expect(() => token({ boundObjectRef: { kind: 'toString', apiVersion: 'v1', name: 'p' } })).toThrow('cannot bind')
    await objects.create(secrets, { metadata: { namespace: 'a', name: 's', uid: 's1' } })
    expect(() => token({ boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's', uid: 'x' } })).toThrow(
      'does not match the UID in record',
    )
    expect(issuer.verify(token({ boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's' } }))).toBeDefined()
  })

  test('answers when the token ends, a year at most', () => {
    const answer = createToken(
      issuer,
      objects,
      { namespace: 'a', name: 'robot' },
      request({ expirationSeconds: 4_000_000_000 }),
      clock,
    )
    expect(answer.spec.expirationSeconds).toBe(365 * 24 * 3600)
    expect(Date.parse(answer.status!.expirationTimestamp)).toBe(
      Math.floor(clock / 1000) * 1000 + 365 * 24 * 3600 * 1000,
    )
  })
})

describe('token Secrets', () => {
  const settled = () => new Promise((done) => setTimeout(done, 100))
  const secretOf = (name: string) => objects.get<TokenSecret>(secrets, 'a', name)
  const tokenSecret = (name: string, account: string): TokenSecret => ({
    metadata: { namespace: 'a', name, annotations: { 'kubernetes.io/service-account.name': account } },
    type: 'kubernetes.io/service-account-token',
  })

  test('are filled with token, authority and namespace, work until deleted, and go with their account', async () => {
    const errors: unknown[] = []
    const stop = followTokenSecrets(objects, issuer, 'CA', (error) => errors.push(error))
    await objects.create(secrets, tokenSecret('robot-token', 'robot'))
    await settled()
    const filled = secretOf('robot-token')!
    expect(filled.metadata.annotations).toMatchObject({ 'kubernetes.io/service-account.uid': 'u1' })
    expect(Buffer.from(filled.data!['ca.crt']!, 'base64').toString()).toBe('CA')
    const legacy = Buffer.from(filled.data!.token!, 'base64').toString()
    expect(issuer.verify(legacy)?.user.name).toBe('system:serviceaccount:a:robot')
    await objects.update(secrets, { ...filled, data: { ...filled.data, token: 'eA==' } } as TokenSecret)
    expect(() => issuer.verify(legacy)).toThrow('holds another one')
    await objects.create(secrets, tokenSecret('second', 'robot'))
    await settled()
    const second = Buffer.from(secretOf('second')!.data!.token!, 'base64').toString()
    await objects.delete(secrets, 'a', 'second')
    expect(() => issuer.verify(second)).toThrow('gone')
    await objects.create(secrets, tokenSecret('early', 'later'))
    await objects.create(serviceAccounts, { metadata: { namespace: 'a', name: 'later', uid: 'u9' } })
    await settled()
    expect(secretOf('early')!.data!.token).toBeDefined()
    await objects.delete(serviceAccounts, 'a', 'robot')
    await settled()
    stop()
    expect(secretOf('robot-token')).toBeUndefined()
    expect(secretOf('early')).toBeDefined()
    expect(errors).toEqual([])
  })
})
