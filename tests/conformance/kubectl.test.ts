import { expect, test } from 'vitest'
import { serverWithKubectl } from './server-with-kubectl.ts'

const under = serverWithKubectl()

const configMap = (data: object) => ({
  input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data }),
})

test('an object applied by the client goes on by server-side apply', async () => {
  expect(await under.kubectl('apply', '-f', '-', configMap({ a: '1', b: '2' }))).toMatchObject({ code: 0 })
  const flags = ['apply', '--server-side', '--force-conflicts', '-f', '-']
  expect(await under.kubectl(...flags, configMap({ a: '3', b: '2' }))).toMatchObject({ code: 0 })
  const { stdout } = await under.kubectl('get', 'configmap', 'applied', '-o', 'json')
  expect(JSON.parse(stdout)).toMatchObject({ data: { a: '3', b: '2' } })
})

test('an object of another kind than its path is refused, with both named', async () => {
  const path = '/api/v1/namespaces/default/secrets'
  const { code, stderr } = await under.kubectl('create', '--raw', path, '-f', '-', configMap({}))
  expect(code).not.toBe(0)
  expect(stderr).toContain('ConfigMap in version "v1" cannot be handled as a Secret')
})

test('a ConfigMap without data has no empty field for it', async () => {
  expect(await under.kubectl('create', 'configmap', 'bare')).toMatchObject({ code: 0 })
  const { stdout } = await under.kubectl('get', 'configmap', 'bare', '-o', 'json')
  expect(JSON.parse(stdout)).not.toHaveProperty('data')
})
