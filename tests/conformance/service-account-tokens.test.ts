import { expect, test } from 'vitest'
import { serverWithKubectl } from './server-with-kubectl.ts'

const under = serverWithKubectl()

const path = '/var/run/secrets/kubernetes.io/serviceaccount'

interface Pod {
  spec: {
    volumes?: { name: string; projected?: { sources: object[] } }[]
    containers: { volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[] }[]
    initContainers?: Pod['spec']['containers']
    imagePullSecrets?: object[]
    serviceAccountName: string
  }
}

async function create(name: string, spec: object = {}): Promise<Pod> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'busybox' }], ...spec },
  }
  const { code, stdout, stderr } = await under.kubectl('create', '-o', 'json', '-f', '-', {
    input: JSON.stringify(pod),
  })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Pod
}

test('every container of a pod finds the token, the authority and the namespace where programs look for them', async () => {
  const { spec } = await create('plain', { initContainers: [{ name: 'first', image: 'busybox' }] })
  const [volume] = spec.volumes ?? []
  expect(volume?.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/)
  expect(volume?.projected?.sources).toEqual([
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ])
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])])
    expect(container.volumeMounts).toEqual([{ name: volume?.name, mountPath: path, readOnly: true }])
})

test('a pod or its account may opt out, the pod having the last word', async () => {
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'quiet' },
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'registry' }],
  }
  expect(await under.kubectl('create', '-f', '-', { input: JSON.stringify(account) })).toMatchObject({ code: 0 })
  const quiet = await create('quiet', { serviceAccountName: 'quiet' })
  expect(quiet.spec.volumes).toBeUndefined()
  expect(quiet.spec.imagePullSecrets).toEqual([{ name: 'registry' }])
  const loud = await create('loud', { serviceAccountName: 'quiet', automountServiceAccountToken: true })
  expect(loud.spec.volumes).toHaveLength(1)
  expect((await create('none', { automountServiceAccountToken: false })).spec.volumes).toBeUndefined()
})

test('a container that has something at that path keeps it', async () => {
  const own = { name: 'own', mountPath: path }
  const { spec } = await create('keeps', {
    containers: [{ name: 'main', image: 'busybox', volumeMounts: [own] }],
    volumes: [{ name: 'own', emptyDir: {} }],
  })
  expect(spec.containers[0]?.volumeMounts).toEqual([own])
  expect(spec.volumes).toHaveLength(1)
})
