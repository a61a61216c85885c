import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { expect, test } from 'vitest'
import { encryption } from './encryption.ts'

function write(
  kind: typeof VirtualMachineImage | typeof StorageClass,
  object: object,
  operation: 'CREATE' | 'UPDATE' = 'CREATE',
) {
  const whole = { apiVersion: 'v1', kind: kind.kind, metadata: { name: 'x' }, ...object }
  const errors = encryption.validate?.({
    operation,
    kind,
    subresource: '',
    namespace: 'n',
    name: 'x',
    user: { name: 'u', groups: [] },
    object: whole,
    dryRun: false,
    warnings: [],
  })
  if (errors && !Array.isArray(errors)) throw new Error('the step answers at once, with fields')
  return (errors ?? []).map(({ field }) => field)
}

const secret = 'csi.storage.k8s.io/node-publish-secret-name'

test('an image that asks for encryption is refused when it is made, and can still be changed and deleted afterwards', () => {
  const spec = { displayName: 'x', sourceType: 'clone', securityParameters: { cryptoOperation: 'encrypt' } }
  expect(write(VirtualMachineImage, { spec })).toEqual(['spec.securityParameters'])
  expect(write(VirtualMachineImage, { spec }, 'UPDATE')).toEqual([])
  const named = {
    displayName: 'x',
    sourceType: 'upload',
    storageClassParameters: { encrypted: 'true', [secret]: 's', migratable: 'true' },
  }
  expect(write(VirtualMachineImage, { spec: named })).toEqual([
    'spec.storageClassParameters[encrypted]',
    `spec.storageClassParameters[${secret}]`,
  ])
  expect(write(VirtualMachineImage, { spec: { displayName: 'x', sourceType: 'upload' } })).toEqual([])
})

test('a class of our storage that asks for encryption is refused, one of another driver is that driver’s matter', () => {
  const parameters = { encrypted: 'true', [secret]: 's' }
  const fields = ['parameters[encrypted]', `parameters[${secret}]`]
  expect(write(StorageClass, { provisioner: 'local.thresher.io', parameters })).toEqual(fields)
  expect(write(StorageClass, { provisioner: 'rbd.csi.ceph.com', parameters })).toEqual([])
  expect(write(StorageClass, { provisioner: 'local.thresher.io', parameters: { encrypted: 'false' } })).toEqual([])
})
