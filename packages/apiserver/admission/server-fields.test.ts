import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSecureServer, type SecureServer } from '../auth/testing.ts'

let secure: SecureServer
let mallory: { cert: string; key: string }
beforeAll(async () => {
  secure = await startSecureServer()
  mallory = secure.server.certificate({ name: 'mallory', groups: ['tenants'] })
  await secure.asAdmin('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'mallory' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', name: 'mallory', apiGroup: 'rbac.authorization.k8s.io' }],
  })
})
afterAll(() => secure.close())

type Answer = Record<string, Record<string, unknown>>
const send = async (method: string, path: string, body: object): Promise<Answer> => {
  const { status, body: answer } = await secure.call(method, path, { cert: mallory, body })
  expect(status, JSON.stringify(answer)).toBeLessThan(300)
  return answer as Answer
}

const core = '/api/v1/namespaces/default'
const forgedMetadata = {
  uid: 'forged',
  creationTimestamp: '2001-01-01T00:00:00Z',
  deletionTimestamp: '2001-01-01T00:00:00Z',
  deletionGracePeriodSeconds: 5,
  generation: 77,
  selfLink: '/forged',
}

/** A PKCS #10 request for CN=a, as openssl makes it, in base64. */
const signingRequest =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIR01HNENBUUF3RERFS01BZ0dBMVVFQXd3QllUQlpNQk1HQnlxR1NNNDlBZ0' +
  'VHQ0NxR1NNNDlBd0VIQTBJQQpCT1cvRi8xYVp0anZjRTlSbUh6L1J6bnJKcWVVeElZQ1dQK1RnbDNVTGhmYlF6eE9yT3FzRG9Dc0pDaGJvU2FK' +
  'CmNQL2N6R2YvbzFxNzk4ZmZTZEF2M2JDZ0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQXF5SHF4TWpNQmFobmQKSTlsTGdkOXhsVmM4ZjNjMj' +
  'Y0MTZESFJPYXJLUDdRSWhBTi84RHBsbDNMQlNEWDZzRWNabXVCd3lUckpETzBVVgo4WkFVWWs1Rm5DT20KLS0tLS1FTkQgQ0VSVElGSUNBVEUg' +
  'UkVRVUVTVC0tLS0tCg=='

/** What a caller sends, and what must not come of it. */
const rows: { what: string; path: string; body: object; forged: (made: Answer) => unknown }[] = [
  {
    what: 'metadata of a new object',
    path: `${core}/configmaps`,
    body: { metadata: { name: 'a', ...forgedMetadata } },
    forged: ({ metadata }) =>
      Object.entries(forgedMetadata)
        .filter(([name, value]) => metadata?.[name] === value)
        .map(([name]) => name),
  },
  {
    what: 'the status of a new pod',
    path: `${core}/pods`,
    body: {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
      status: { phase: 'Running', podIP: '192.0.2.1' },
    },
    forged: ({ status }) => (status?.podIP || status?.phase === 'Running' ? [status] : []),
  },
  {
    what: 'the status of a new volume claim',
    path: `${core}/persistentvolumeclaims`,
    body: {
      metadata: { name: 'c' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      status: { phase: 'Bound', capacity: { storage: '1Ti' } },
    },
    forged: ({ status }) => (status?.capacity || status?.phase === 'Bound' ? [status] : []),
  },
  {
    what: 'the status of a new machine instance',
    path: '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances',
    body: {
      metadata: { name: 'v' },
      spec: { domain: { memory: { guest: '64Mi' }, devices: {} } },
      status: { phase: 'Running', nodeName: 'n1' },
    },
    forged: ({ status }) => (status?.nodeName ? [status] : []),
  },
  {
    what: 'the conditions and certificate of a new signing request',
    path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    body: {
      metadata: { name: 's' },
      spec: { request: signingRequest, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
      status: { conditions: [{ type: 'Approved', status: 'True' }], certificate: 'eA==' },
    },
    forged: ({ status }) => (status?.conditions || status?.certificate ? [status] : []),
  },
  {
    what: 'who asks for a certificate',
    path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    body: {
      metadata: { name: 'forged' },
      spec: {
        request: signingRequest,
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
        username: 'admin',
        uid: '0',
        groups: ['system:masters'],
        extra: { scopes: ['all'] },
      },
    },
    forged: ({ spec }) =>
      spec?.username === 'mallory' &&
      spec.uid === undefined &&
      JSON.stringify(spec.groups) === '["tenants","system:authenticated"]' &&
      !(spec.extra as object | undefined)?.hasOwnProperty('scopes')
        ? []
        : [spec],
  },
  {
    what: 'the verdict of an access review',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      spec: { user: 'nobody', resourceAttributes: { verb: 'get', resource: 'secrets' } },
      status: { allowed: true },
    },
    forged: ({ status }) => (status?.allowed ? [status] : []),
  },
  {
    what: 'the user of a token review',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    body: { spec: { token: 'x' }, status: { authenticated: true, user: { username: 'admin' } } },
    forged: ({ status }) => (status?.authenticated ? [status] : []),
  },
  {
    what: 'the user of a review of oneself',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { status: { userInfo: { username: 'admin' } } },
    forged: ({ status }) =>
      (status?.userInfo as { username?: string } | undefined)?.username === 'mallory' ? [] : [status],
  },
]

describe('what only the server writes', () => {
  test.each(rows)('$what is not taken from the caller', async ({ path, body, forged }) => {
    expect(forged(await send('POST', path, body))).toEqual([])
  })

  test('who asked for a certificate, and for which, stays as it was', async () => {
    const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests/forged'
    const made = await secure.asAdmin<Answer>('GET', path)
    const changed = { ...made, spec: { ...made.spec, username: 'admin', groups: ['system:masters'], request: 'eQ==' } }
    const after = await send('PUT', path, changed)
    expect(after.spec).toEqual(made.spec)
  })

  test('an update leaves uid, times, generation and namespace as they were', async () => {
    const made = await secure.asAdmin<Answer>('GET', `${core}/configmaps/a`)
    const { uid: _uid, ...forged } = forgedMetadata
    const after = await send('PUT', `${core}/configmaps/a`, { metadata: { name: 'a', ...forged }, data: { x: 'y' } })
    for (const field of Object.keys(forgedMetadata))
      expect(after.metadata?.[field], field).toEqual(made.metadata?.[field])
  })
})
