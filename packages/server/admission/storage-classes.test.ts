import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { kinds } from '@thresher/api/kinds'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimInUse } from './in-use.ts'
import { storageClasses } from './storage-classes.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  const objects = () => server.api.objects
  server = await startTestServer({ kinds, admission: [storageClasses(objects), claimInUse(objects)] })
  client = new Client(server.transport())
})
afterAll(() => server.close())

const claim = (name: string, storageClassName: string) =>
  client.resource(PersistentVolumeClaim).create({
    metadata: { name, namespace: 'default' },
    spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  })

test('a class stays while an image’s volumes are made by it', async () => {
  const classes = client.resource(StorageClass)
  await classes.create({ metadata: { name: 'lh-1' }, provisioner: 'local.thresher.io' })
  const images = client.resource(VirtualMachineImage)
  const image = await images.create({
    metadata: { name: 'debian', namespace: 'default' },
    spec: { displayName: 'Debian', sourceType: 'upload' },
  } as never)
  await images.updateStatus({ ...image, status: { storageClassName: 'lh-1' } })
  await expect(classes.delete('lh-1')).rejects.toThrow(
    'storage class lh-1 is used by virtual machine images: default/debian; delete those first',
  )
  await images.delete('debian', 'default')
  await classes.delete('lh-1')
})

test('what of a class has no effect on our driver is named in a warning', async () => {
  const parameters = { numberOfReplicas: '3', migratable: 'true', staleReplicaTimeout: '30' }
  const body = { metadata: { name: 'copies' }, provisioner: 'local.thresher.io', parameters }
  const request = {
    operation: 'CREATE' as const,
    kind: StorageClass,
    subresource: '',
    namespace: '',
    name: 'copies',
    user: { name: 'u', groups: [] },
    object: body,
    dryRun: false,
    warnings: [] as string[],
  }
  await storageClasses(() => server.api.objects).validate?.(request)
  expect(request.warnings).toEqual(
    ['numberOfReplicas', 'staleReplicaTimeout'].map((name) =>
      expect.stringContaining(`parameters.${name} has no effect on the driver local.thresher.io`),
    ),
  )
})

test('a claim of a class that is reserved is refused', async () => {
  await expect(claim('state', 'vmstate-persistence')).rejects.toThrow(
    'can not create volume with the reserved storage class vmstate-persistence',
  )
})

test('a claim stays while it is read out to an image', async () => {
  await claim('root', 'local')
  const images = client.resource(VirtualMachineImage)
  const spec = { displayName: 'x', sourceType: 'export-from-volume', pvcName: 'root', pvcNamespace: 'default' }
  const image = await images.create({ metadata: { name: 'out', namespace: 'default' }, spec } as never)
  const claims = client.resource(PersistentVolumeClaim)
  await expect(claims.delete('root', 'default')).rejects.toThrow(
    'can not delete volume root which is exporting for image default/out',
  )
  await images.updateStatus({ ...image, status: { conditions: [{ type: 'Imported', status: 'True' }] } })
  await claims.delete('root', 'default')
})
