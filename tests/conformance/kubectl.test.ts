import { kubectlFor, type Kubectl } from '@thresher/apiserver/kubectl'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
let kubectl: Kubectl
beforeAll(async () => {
  server = await startWholeServer()
  kubectl = await kubectlFor(server.kubeconfig)
})
afterAll(async () => {
  await kubectl[Symbol.asyncDispose]()
  await server.close()
})

const configMap = (data: object) => ({
  input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data }),
})

test('an object applied by the client goes on by server-side apply', async () => {
  expect(await kubectl('apply', '-f', '-', configMap({ a: '1', b: '2' }))).toMatchObject({ code: 0 })
  const flags = ['apply', '--server-side', '--force-conflicts', '-f', '-']
  expect(await kubectl(...flags, configMap({ a: '3', b: '2' }))).toMatchObject({ code: 0 })
  const { stdout } = await kubectl('get', 'configmap', 'applied', '-o', 'json')
  expect(JSON.parse(stdout)).toMatchObject({ data: { a: '3', b: '2' } })
})

test('an object of another kind than its path is refused, with both named', async () => {
  const path = '/api/v1/namespaces/default/secrets'
  const { code, stderr } = await kubectl('create', '--raw', path, '-f', '-', configMap({}))
  expect(code).not.toBe(0)
  expect(stderr).toContain('ConfigMap in version "v1" cannot be handled as a Secret')
})

test('a ConfigMap without data has no empty field for it', async () => {
  expect(await kubectl('create', 'configmap', 'bare')).toMatchObject({ code: 0 })
  const { stdout } = await kubectl('get', 'configmap', 'bare', '-o', 'json')
  expect(JSON.parse(stdout)).not.toHaveProperty('data')
})
