import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { kinds } from '@thresher/api/kinds'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { templateVersions } from './template-versions.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await startTestServer({ kinds, admission: [templateVersions(() => server.api.objects)] })
  client = new Client(server.transport())
  const spec = {
    publicKey: `ssh-ed25519 ${Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20'.padEnd(51, 'k')).toString('base64')}`,
  }
  await client.resource(KeyPair).create({ metadata: { name: 'mine', namespace: 'default' }, spec })
  await client.resource(VirtualMachineTemplate).create({ metadata: { name: 'web', namespace: 'default' }, spec: {} })
})
afterAll(() => server.close())

const versions = () => client.resource(VirtualMachineTemplateVersion)
const make = (name: string, more: object = {}) =>
  versions().create({
    metadata: { name, namespace: 'default' },
    spec: { templateId: 'default/web', ...more },
  })

test('a version names keys that are there', async () => {
  await expect(make('bad', { keyPairIds: ['default/mine', 'default/other'] })).rejects.toThrow(
    'KeyPairID default/other is invalid',
  )
  await make('one', { keyPairIds: ['default/mine'] })
})

test('a version never changes', async () => {
  await expect(versions().patch('one', 'default', { spec: { description: 'x' } }, 'merge')).rejects.toThrow(
    'Update templateVersion is not supported',
  )
})

test('the default is one of the template’s own versions, can be moved, and is not deleted before', async () => {
  const moved = (id: string) =>
    client.resource(VirtualMachineTemplate).patch('web', 'default', { spec: { defaultVersionId: id } }, 'merge')
  await make('two')
  await expect(moved('default/three')).rejects.toThrow('default/three is not a version of this template')
  await moved('default/one')
  await expect(versions().delete('one', 'default')).rejects.toThrow('Cannot delete the default templateVersion')
  await moved('default/two')
  await versions().delete('one', 'default')
})

test('with its template, the default version can be deleted', async () => {
  await client.resource(VirtualMachineTemplate).delete('web', 'default')
  await versions().delete('two', 'default')
})
