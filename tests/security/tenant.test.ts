import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type Caller, type WholeServer } from './whole-server.ts'

let server: WholeServer
let tenant: Caller
beforeAll(async () => {
  server = await startWholeServer()
  tenant = server.caller('tenant')
  await server.ask(server.admin, 'POST', '/api/v1/namespaces', { metadata: { name: 'theirs' } })
  await server.ask(server.admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/theirs/rolebindings', {
    metadata: { name: 'tenant' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ kind: 'User', name: 'tenant', apiGroup: 'rbac.authorization.k8s.io' }],
  })
})
afterAll(() => server.close())

const maps = '/api/v1/namespaces/theirs/configmaps'

describe('somebody who may edit one namespace', () => {
  test('cannot stop the server with a cycle of owners', async () => {
    const uids: string[] = []
    for (const name of ['a', 'b', 'c']) {
      const { text } = await server.ask(tenant, 'POST', maps, { metadata: { name } })
      uids.push((JSON.parse(text) as { metadata: { uid: string } }).metadata.uid)
    }
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      const owner = (index + 2) % 3
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'abc'[owner], uid: uids[owner], blockOwnerDeletion: true },
      ]
      const patch = { metadata: { ownerReferences } }
      await server.ask(tenant, 'PATCH', `${maps}/${name}`, patch, 'application/merge-patch+json')
    }
    await server.ask(tenant, 'DELETE', `${maps}/a`, { propagationPolicy: 'Foreground' })
    for (let tries = 0; tries < 200; tries++) {
      if ((await server.ask(tenant, 'GET', `${maps}/a`)).status === 404) break
      await delay(20)
    }
    for (const name of ['a', 'b', 'c']) expect((await server.ask(tenant, 'GET', `${maps}/${name}`)).status).toBe(404)
    expect((await server.ask({}, 'GET', '/readyz')).status).toBe(200)
  })

  test('has what is too large refused with an answer', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, 0x20)
    expect((await server.ask(tenant, 'POST', maps, body)).status).toBe(413)
    const many = { metadata: { name: 'x', finalizers: Array.from({ length: 100_000 }, (_, index) => `a.b/${index}`) } }
    expect((await server.ask(tenant, 'POST', maps, many)).status).toBe(413)
  })
})
