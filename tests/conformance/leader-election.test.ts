import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'
import { TypedClient } from './typed-client.ts'

let server: WholeServer
beforeAll(async () => (server = await startWholeServer()))
afterAll(() => server.close())

const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
const lock = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'lock', namespace: 'default' } }
const now = () => new Date().toISOString().replace('Z', '000Z')

/** One try to be the leader, as client-go's leader election makes it: GET, then PUT what came with one's own name. */
async function tryLead(client: TypedClient, me: string): Promise<boolean> {
  const { status, object } = await client.call('GET', `${leases}/lock`)
  if (status === 404) {
    const spec = {
      holderIdentity: me,
      leaseDurationSeconds: 1,
      acquireTime: now(),
      renewTime: now(),
      leaseTransitions: 0,
    }
    return (await client.call('POST', leases, { ...lock, spec })).status === 201
  }
  const { holderIdentity, renewTime, leaseDurationSeconds, leaseTransitions, acquireTime } = object['spec']
  const ended = Date.parse(renewTime) + leaseDurationSeconds * 1000 < Date.now()
  const mine = holderIdentity === me
  if (!mine && holderIdentity && !ended) return false
  object['spec'] = {
    holderIdentity: me,
    leaseDurationSeconds: 1,
    renewTime: now(),
    acquireTime: mine ? acquireTime : now(),
    leaseTransitions: leaseTransitions + (mine ? 0 : 1),
  }
  return (await client.call('PUT', `${leases}/lock`, object)).status === 200
}

test('a lease over protobuf has one winner, is renewed by it, and goes to another when it is given up', async () => {
  const names = ['a', 'b', 'c']
  const clients = names.map(() => new TypedClient(server))
  const won = await Promise.all(clients.map((client, index) => tryLead(client, names[index]!)))
  expect(won.filter(Boolean)).toHaveLength(1)
  const leader = won.indexOf(true)
  const other = (leader + 1) % 3
  for (let round = 0; round < 3; round += 1) expect(await tryLead(clients[leader]!, names[leader]!)).toBe(true)
  expect(await tryLead(clients[other]!, names[other]!)).toBe(false)
  const held = await clients[leader]!.must('GET', `${leases}/lock`)
  expect(held['spec']).toMatchObject({ holderIdentity: names[leader], leaseTransitions: 0 })
  expect(held['spec'].renewTime).toMatch(/\.\d{6}Z$/)
  // Giving up: an empty name, which is a pointer and so is written.
  held['spec'] = { ...held['spec'], holderIdentity: '', leaseDurationSeconds: 1 }
  await clients[leader]!.must('PUT', `${leases}/lock`, held)
  expect(await tryLead(clients[other]!, names[other]!)).toBe(true)
  const taken = await clients[other]!.must('GET', `${leases}/lock`)
  expect(taken['spec']).toMatchObject({ holderIdentity: names[other], leaseTransitions: 1 })
  // Whoever writes on from an older reading loses.
  expect((await clients[leader]!.call('PUT', `${leases}/lock`, held)).status).toBe(409)
  for (const client of clients) client[Symbol.dispose]()
})
