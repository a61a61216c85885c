import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { formatKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { expect, test } from 'vitest'
import { loadKubeconfig, parseKubeconfig } from './kubeconfig.ts'

test('what the server writes is read back, with data inline', () => {
  const text = formatKubeconfig({ name: 'c', server: 'https://h:6443', ca: 'CA', cert: 'CERT', key: 'KEY' })
  const read = parseKubeconfig(text, '/')
  expect({ ...read, ca: read.ca?.toString(), cert: read.cert?.toString(), key: read.key?.toString() }).toMatchObject({
    server: 'https://h:6443',
    namespace: 'default',
    ca: 'CA',
    cert: 'CERT',
    key: 'KEY',
  })
})

test('files are found from where the kubeconfig stands', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kubeconfig-'))
  writeFileSync(path.join(directory, 'ca.crt'), 'CA')
  writeFileSync(path.join(directory, 'token'), 'TOKEN\n')
  const file = path.join(directory, 'config')
  writeFileSync(
    file,
    `
current-context: x
contexts: [{name: x, context: {cluster: c, user: u, namespace: n}}]
clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: ca.crt}}]
users: [{name: u, user: {tokenFile: token}}]
`,
  )
  const read = loadKubeconfig(file)
  expect(read.ca?.toString()).toBe('CA')
  expect(typeof read.token === 'function' && read.token()).toBe('TOKEN')
  expect(read.namespace).toBe('n')
  rmSync(directory, { recursive: true })
})

test('what is missing is named', () => {
  expect(() => parseKubeconfig('{}', '/')).toThrow('no current-context')
  expect(() => parseKubeconfig('current-context: x', '/')).toThrow('no context named "x"')
  expect(() => parseKubeconfig('7', '/')).toThrow('the kubeconfig is not a map')
})
