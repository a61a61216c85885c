import { describe, expect, test } from 'vitest'
import type { Attributes, Credentials, User } from '../user.ts'
import { anonymous, authenticate, bearerToken, isOpenPath } from './authenticate.ts'
import { impersonate } from './impersonation.ts'
import { X509Authenticator } from './x509.ts'

const certificate = { commonName: 'system:node:a', organizations: ['system:nodes'], fingerprint: 'ab12' }
const chain = [new X509Authenticator()]

describe('authenticate', () => {
  test('takes user and groups from the client certificate', async () => {
    expect(await authenticate(chain, { headers: {}, certificate })).toEqual({
      name: 'system:node:a',
      groups: ['system:nodes', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
    })
  })

  test('refuses the unknown, unless anonymous requests are switched on; a bad token is never anonymous', async () => {
    await expect(authenticate(chain, { headers: {} })).rejects.toMatchObject({ code: 401, message: 'Unauthorized' })
    expect(await authenticate(chain, { headers: {} }, { anonymous: true })).toEqual(anonymous)
    await expect(
      authenticate(chain, { headers: { authorization: 'Bearer x' } }, { anonymous: true }),
    ).rejects.toMatchObject({ code: 401 })
  })

  test('opens the health paths to everyone, and nothing that only looks like them', () => {
    expect(isOpenPath('GET', '/livez')).toBe(true)
    expect(isOpenPath('POST', '/livez')).toBe(false)
    for (const path of [
      '/livez/',
      '/livez/../api',
      '//livez',
      '/LIVEZ',
      '/livez%2f..%2fapi',
      '/livez;x',
      '/readyz/etcd',
      '/versions',
    ])
      expect(isOpenPath('GET', path), path).toBe(false)
  })

  test('reads one bearer token, not a list', () => {
    const token = (authorization?: string) => bearerToken({ headers: { authorization } } as Credentials)
    expect(token('Bearer abc')).toBe('abc')
    expect(token('bearer  abc ')).toBe('abc')
    for (const wrong of [undefined, '', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer a b', 'Bearer a, Bearer b'])
      expect(token(wrong)).toBeUndefined()
  })
})

describe('impersonate', () => {
  const caller: User = { name: 'boss', groups: [] }
  const allowing = (...allowed: string[]) => {
    const asked: string[] = []
    return {
      asked,
      authorize(a: Attributes) {
        const target = `${a.verb} ${a.resource}${a.subresource ? `/${a.subresource}` : ''} ${a.namespace ? `${a.namespace}/` : ''}${a.name}`
        asked.push(target)
        return { verdict: allowed.includes(target) ? ('allow' as const) : ('no-opinion' as const) }
      },
    }
  }

  test('leaves the caller as he is when no header names another', async () => {
    expect(await impersonate(caller, {}, allowing())).toBe(caller)
  })

  test('asks for every part and then is exactly that user', async () => {
    const authorizer = allowing(
      'impersonate users jane',
      'impersonate groups devs',
      'impersonate groups ops',
      'impersonate uids 7',
      'impersonate userextras/scopes/x view',
    )
    const headers = {
      'impersonate-user': 'jane',
      'impersonate-group': 'devs, ops',
      'impersonate-uid': '7',
      'impersonate-extra-scopes%2fx': 'view',
    }
    expect(await impersonate(caller, headers, authorizer)).toEqual({
      name: 'jane',
      uid: '7',
      groups: ['devs', 'ops', 'system:authenticated'],
      extra: { 'scopes/x': ['view'] },
    })
  })

  test('refuses when one part is not allowed', async () => {
    const headers = { 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' }
    await expect(impersonate(caller, headers, allowing('impersonate users jane'))).rejects.toMatchObject({
      code: 403,
      message:
        'groups "system:masters" is forbidden: User "boss" cannot impersonate resource "groups" in API group "" at the cluster scope',
    })
    await expect(impersonate(caller, { 'impersonate-group': 'system:masters' }, allowing())).rejects.toMatchObject({
      code: 400,
    })
    await expect(
      impersonate(caller, { 'impersonate-user': '', 'impersonate-group': 'x' }, allowing()),
    ).rejects.toMatchObject({ code: 400 })
    await expect(impersonate(caller, { 'impersonate-user': ['a', 'b'] }, allowing())).rejects.toMatchObject({
      code: 400,
    })
  })

  test('treats a service account as one, with its groups', async () => {
    const user = await impersonate(
      caller,
      { 'impersonate-user': 'system:serviceaccount:ns:robot' },
      allowing('impersonate serviceaccounts ns/robot'),
    )
    expect(user.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'])
  })

  test('does not lift the anonymous user into the authenticated', async () => {
    const user = await impersonate(
      caller,
      { 'impersonate-user': 'system:anonymous' },
      allowing('impersonate users system:anonymous'),
    )
    expect(user.groups).toEqual(['system:unauthenticated'])
  })
})
