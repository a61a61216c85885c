import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { KubeObject } from '@thresher/api/meta'
import { startSecureServer, type SecureServer } from '../auth/testing.ts'

let secure: SecureServer
let asAdmin: SecureServer['asAdmin']
let namespaces = 0

beforeAll(async () => {
  secure = await startSecureServer()
  asAdmin = secure.asAdmin
})
afterAll(() => secure.close())

async function namespace(): Promise<string> {
  const name = `ns${namespaces++}`
  await asAdmin('POST', '/api/v1/namespaces', { metadata: { name } })
  return name
}
/** Until the quota says so: it is counted anew a moment after a change. */
const becomes = (ns: string, name: string, amounts: Record<string, string>) =>
  vi.waitFor(async () => expect(await used(ns, name)).toEqual(amounts), 5000)
type Resources = { requests?: Record<string, string>; limits?: Record<string, string> }
const pod = (name: string, resources?: Resources, more: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', ...(resources ? { resources } : {}) }], ...more },
})
const createPod = (ns: string, body: unknown, query = '') =>
  asAdmin<KubeObject & { spec: Record<string, unknown> }>('POST', `/api/v1/namespaces/${ns}/pods${query}`, body)
const quota = (ns: string, name: string, hard: Record<string, string>, more: object = {}) =>
  asAdmin('POST', `/api/v1/namespaces/${ns}/resourcequotas`, { metadata: { name }, spec: { hard, ...more } })
const used = async (ns: string, name: string) =>
  (
    await asAdmin<{ status?: { used?: Record<string, string> } }>(
      'GET',
      `/api/v1/namespaces/${ns}/resourcequotas/${name}`,
    )
  ).status?.used

describe('ResourceQuota', () => {
  test('refuses what exceeds it in the words of Kubernetes, and lets again after a deletion', async () => {
    const ns = await namespace()
    await quota(ns, 'q', { pods: '2' })
    await createPod(ns, pod('a'))
    await createPod(ns, pod('b'))
    await expect(createPod(ns, pod('c'))).rejects.toMatchObject({
      code: 403,
      message: 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    })
    await asAdmin('DELETE', `/api/v1/namespaces/${ns}/pods/a?gracePeriodSeconds=0`)
    await becomes(ns, 'q', { pods: '1' })
    await createPod(ns, pod('c'))
  })

  test('holds under a hundred parallel creates', async () => {
    const ns = await namespace()
    await quota(ns, 'q', { 'count/secrets': '30', secrets: '25' })
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, at) =>
        asAdmin('POST', `/api/v1/namespaces/${ns}/secrets`, { metadata: { name: `c${at}` } }),
      ),
    )
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(25)
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 403 })
    const list = await asAdmin<{ items: unknown[] }>('GET', `/api/v1/namespaces/${ns}/secrets`)
    expect(list.items).toHaveLength(25)
    await becomes(ns, 'q', { 'count/secrets': '25', secrets: '25' })
  })

  test('gives back what a failed write had booked, and books nothing for a dry run', async () => {
    const ns = await namespace()
    await quota(ns, 'q', { secrets: '5' })
    const create = (name: string, query = '') =>
      asAdmin('POST', `/api/v1/namespaces/${ns}/secrets${query}`, { metadata: { name } })
    await create('same')
    for (let at = 0; at < 10; at++) await create('same').catch(() => undefined)
    for (let at = 0; at < 10; at++) await create(`dry${at}`, '?dryRun=All')
    await becomes(ns, 'q', { secrets: '1' })
    for (let at = 0; at < 4; at++) await create(`c${at}`)
    await expect(create('over', '?dryRun=All')).rejects.toMatchObject({ code: 403 })
  })

  test('counts requests and limits of pods exactly, demands that they are named, and forgets finished pods', async () => {
    const ns = await namespace()
    await quota(ns, 'compute', { 'requests.cpu': '1', 'limits.memory': '1Gi' })
    await expect(createPod(ns, pod('none'))).rejects.toMatchObject({
      message:
        'pods "none" is forbidden: failed quota: compute: must specify limits.memory for: c; requests.cpu for: c',
    })
    const half = { requests: { cpu: '500m' }, limits: { memory: '512Mi' } }
    await createPod(ns, pod('a', half))
    await createPod(ns, pod('b', half))
    await expect(
      createPod(ns, pod('c', { requests: { cpu: '100m' }, limits: { memory: '1Mi' } })),
    ).rejects.toMatchObject({
      message:
        'pods "c" is forbidden: exceeded quota: compute, requested: limits.memory=1Mi,requests.cpu=100m, used: limits.memory=1Gi,requests.cpu=1, limited: limits.memory=1Gi,requests.cpu=1',
    })
    const a = await asAdmin<KubeObject & { status: object }>('GET', `/api/v1/namespaces/${ns}/pods/a`)
    await asAdmin('PUT', `/api/v1/namespaces/${ns}/pods/a/status`, {
      ...a,
      status: { ...a.status, phase: 'Succeeded' },
    })
    await becomes(ns, 'compute', { 'requests.cpu': '500m', 'limits.memory': '512Mi' })
  })

  test('counts storage, also per class, and only the growth of a claim', async () => {
    const ns = await namespace()
    await asAdmin('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name: `fast-${ns}` },
      provisioner: 'x',
      allowVolumeExpansion: true,
    })
    await quota(ns, 'q', {
      'requests.storage': '10Gi',
      [`fast-${ns}.storageclass.storage.k8s.io/persistentvolumeclaims`]: '1',
    })
    const claim = (name: string, storage: string, storageClassName?: string) => ({
      metadata: { name },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, storageClassName },
    })
    await asAdmin('POST', `/api/v1/namespaces/${ns}/persistentvolumeclaims`, claim('a', '6Gi', `fast-${ns}`))
    await expect(asAdmin('POST', `/api/v1/namespaces/${ns}/persistentvolumeclaims`, claim('b', '5Gi'))).rejects.toThrow(
      'requested: requests.storage=5Gi',
    )
    await expect(
      asAdmin('POST', `/api/v1/namespaces/${ns}/persistentvolumeclaims`, claim('b', '1Gi', `fast-${ns}`)),
    ).rejects.toThrow('persistentvolumeclaims=1')
    expect((await used(ns, 'q'))?.['requests.storage']).toBe('6Gi')
  })

  test('with a scope counts only the pods in it', async () => {
    const ns = await namespace()
    await quota(ns, 'besteffort', { pods: '1' }, { scopes: ['BestEffort'] })
    await createPod(ns, pod('sized', { requests: { cpu: '1m' } }))
    await createPod(ns, pod('free'))
    await expect(createPod(ns, pod('free2'))).rejects.toMatchObject({ code: 403 })
  })
})

describe('LimitRange', () => {
  test('gives defaults and refuses what is out of bounds, in the words of Kubernetes', async () => {
    const ns = await namespace()
    await asAdmin('POST', `/api/v1/namespaces/${ns}/limitranges`, {
      metadata: { name: 'l' },
      spec: {
        limits: [
          {
            type: 'Container',
            default: { cpu: '1', memory: '256Mi' },
            defaultRequest: { cpu: '100m' },
            max: { cpu: '2' },
            min: { cpu: '50m' },
          },
          { type: 'Pod', max: { memory: '1Gi' } },
          { type: 'PersistentVolumeClaim', max: { storage: '5Gi' } },
        ],
      },
    })
    const made = await createPod(ns, pod('a'))
    expect((made.spec.containers as { resources: Resources }[])[0]!.resources).toEqual({
      limits: { cpu: '1', memory: '256Mi' },
      requests: { cpu: '100m', memory: '256Mi' },
    })
    await expect(createPod(ns, pod('b', { limits: { cpu: '3' } }))).rejects.toMatchObject({
      code: 403,
      message: 'pods "b" is forbidden: maximum cpu usage per Container is 2, but limit is 3',
    })
    await expect(createPod(ns, pod('c', { requests: { cpu: '10m' } }))).rejects.toThrow(
      'minimum cpu usage per Container is 50m, but request is 10m',
    )
    await expect(createPod(ns, pod('d', { limits: { memory: '2Gi' } }))).rejects.toThrow(
      'maximum memory usage per Pod is 1Gi, but limit is 2Gi',
    )
    const claim = {
      metadata: { name: 'big' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
    }
    await expect(asAdmin('POST', `/api/v1/namespaces/${ns}/persistentvolumeclaims`, claim)).rejects.toThrow(
      'persistentvolumeclaims "big" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi',
    )
  })
})

describe('pods and claims', () => {
  test('need a service account and a priority class that exist', async () => {
    const ns = await namespace()
    await expect(createPod(ns, pod('a', undefined, { serviceAccountName: 'nobody' }))).rejects.toThrow(
      `error looking up service account ${ns}/nobody: serviceaccount "nobody" not found`,
    )
    await expect(createPod(ns, pod('a', undefined, { priorityClassName: 'nope' }))).rejects.toThrow(
      'no PriorityClass with name nope was found',
    )
    await expect(createPod(ns, pod('a', undefined, { priority: 7 }))).rejects.toThrow(
      'must not be provided in pod spec',
    )
  })

  test('get the newest default class, and grow only where the class allows it', async () => {
    const ns = await namespace()
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' }
    await asAdmin('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name: 'fixed', annotations },
      provisioner: 'x',
    })
    const path = `/api/v1/namespaces/${ns}/persistentvolumeclaims`
    const made = await asAdmin<KubeObject & { spec: { storageClassName: string; resources: object } }>('POST', path, {
      metadata: { name: 'a' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    })
    expect(made.spec.storageClassName).toBe('fixed')
    await expect(
      asAdmin('PUT', `${path}/a`, { ...made, spec: { ...made.spec, resources: { requests: { storage: '2Gi' } } } }),
    ).rejects.toMatchObject({ code: expect.toSatisfy((code) => code === 403 || code === 422) })
    const none = await asAdmin<{ spec: { storageClassName: string } }>('POST', path, {
      metadata: { name: 'b' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '' },
    })
    expect(none.spec.storageClassName).toBe('')
    await asAdmin('DELETE', '/apis/storage.k8s.io/v1/storageclasses/fixed')
  })
})
