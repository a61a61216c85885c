import { expect, test } from 'vitest'
import { serverWithKubectl } from './server-with-kubectl.ts'

const under = serverWithKubectl()

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked at as they come
async function ask(method: string, path: string, body?: object, type?: string): Promise<any> {
  const { status, text } = await under.server.ask(under.server.admin, method, path, body, type)
  return { code: status, ...(JSON.parse(text) as object) }
}
const pods = '/api/v1/namespaces/default/pods'
const merge = 'application/merge-patch+json'

async function healthyPod(name: string): Promise<void> {
  await ask('POST', '/api/v1/nodes', { metadata: { name: 'away' } })
  const spec = { nodeName: 'away', containers: [{ name: 'c', image: 'i' }] }
  expect((await ask('POST', pods, { metadata: { name, labels: { app: 'web' } }, spec })).code).toBe(201)
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
  expect((await ask('PATCH', `${pods}/${name}/status`, { status }, merge)).code).toBe(200)
}

const evict = (name: string) => ask('POST', `${pods}/${name}/eviction`, { metadata: { name } })
const status = async () => (await ask('GET', '/apis/policy/v1/namespaces/default/poddisruptionbudgets/keep')).status

test('a budget counts its pods, lets go as many as it can spare, and shows it in kubectl', async () => {
  for (const name of ['a', 'b', 'c']) await healthyPod(name)
  const flags = ['--selector', 'app=web', '--min-available', '2']
  expect(await under.kubectl('create', 'poddisruptionbudget', 'keep', ...flags)).toMatchObject({ code: 0 })
  await expect
    .poll(status)
    .toMatchObject({ expectedPods: 3, currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1 })
  expect((await under.kubectl('get', 'pdb', 'keep', '--no-headers')).stdout).toMatch(/^keep\s+2\s+N\/A\s+1\s/)

  const answers = await Promise.all([evict('a'), evict('b')])
  expect(answers.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([201, 429])
  const refused = answers.find(({ code }) => code === 429)
  expect(refused.message).toBe("Cannot evict pod as it would violate the pod's disruption budget.")
  expect(refused.details.causes[0].message).toMatch(/^The disruption budget keep needs 2 healthy pods and has \d/)
  await expect.poll(async () => (await status()).disruptionsAllowed).toBe(0)
  expect((await evict('c')).code).toBe(429)
})

test('a pod that is not healthy may go when enough others are', async () => {
  await healthyPod('d')
  const sick = { status: { conditions: [{ type: 'Ready', status: 'False' }] } }
  await ask('PATCH', `${pods}/d/status`, sick, merge)
  await expect.poll(async () => (await status()).currentHealthy).toBe(2)
  expect((await evict('d')).code).toBe(201)
})

test('a pod under two budgets is not evicted', async () => {
  const flags = ['--selector', 'app=web', '--max-unavailable', '50%']
  expect(await under.kubectl('create', 'poddisruptionbudget', 'second', ...flags)).toMatchObject({ code: 0 })
  const { code, message } = await evict('c')
  expect(code).toBe(500)
  expect(message).toContain('more than one PodDisruptionBudget')
})
