import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { startLocalS3 } from '@thresher/backup/objects/s3-testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, imported, Product } from './product.ts'

const product = new Product()
const name = 'kept'

/** Write some words to the guest's second disk, past its cache. */
const write = (words: string, machine = name) =>
  product.inGuest(machine, [`echo ${words} | dd of=/dev/vdc conv=fsync 2>/dev/null`])
const read = async (machine = name) => (await product.inGuest(machine, ['head -n1 /dev/vdc'])).trim()

async function thresher(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await product.host.thresher(args, { timeoutMs: 90_000 })
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

describe('a machine and its snapshots', () => {
  beforeAll(async () => {
    await product.createMachine(name, { runStrategy: 'Halted' })
    await product.client.resource(PersistentVolumeClaim).create({
      metadata: { name: 'kept-data', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], volumeMode: 'Block', resources: { requests: { storage: '64Mi' } } },
    })
    // Controllers write the machine as well at this time.
    const template = '/spec/template/spec'
    await product.client.resource(VirtualMachine).patch(
      name,
      'default',
      [
        {
          op: 'add',
          path: `${template}/volumes/-`,
          value: { name: 'data', persistentVolumeClaim: { claimName: 'kept-data' } },
        },
        { op: 'add', path: `${template}/domain/devices/disks/-`, value: { name: 'data', disk: { bus: 'virtio' } } },
      ],
      'json',
    )
    await thresher('vm', 'start', name, '--wait')
    await write('first')
  })
  afterAll(async () => {
    const machines = [name, 'kept-then', 'kept-copy']
    await Promise.all(machines.map((one) => product.host.thresher(['vm', 'stop', one, '--force'])))
    await Promise.all(
      machines.map((one) => product.host.thresher(['vm', 'delete', one, '--wait'], { timeoutMs: 60_000 })),
    )
    // A restore in place leaves the volumes of before.
    const claims = product.client.resource(PersistentVolumeClaim)
    for (const { metadata } of (await claims.list({ namespace: 'default' })).items) {
      const claim = metadata.name ?? ''
      if (/^(kept|restore-(monday|away))/.test(claim)) await product.host.thresher(['volume', 'delete', claim])
    }
  })

  it('is kept while it runs, and goes on writing', async () => {
    expect(await thresher('snapshot', 'create', 'monday', '--vm', name)).toContain('is ready')
    await write('second')
    expect(await read()).toBe('second')
    const { status } = await product.client.resource(VirtualMachineBackup).get('monday', 'default')
    expect(status?.volumeBackups?.map(({ readyToUse }) => readyToUse)).toEqual([true, true])
    expect(await thresher('snapshot', 'list')).toMatch(/monday +machine kept .* ready/)
  })

  it('becomes a second machine as it was then, beside the first', async () => {
    await thresher('snapshot', 'restore', 'monday', '--to', 'kept-then')
    expect(await read('kept-then')).toBe('first')
    expect(await read()).toBe('second')
  })

  it('is copied while it runs, with what it has now', async () => {
    await thresher('vm', 'clone', name, 'kept-copy')
    expect(await read('kept-copy')).toBe('second')
    await write('third', 'kept-copy')
    expect(await read()).toBe('second')
  })

  it('is read out to an image while it runs', async () => {
    await thresher('volume', 'export', 'kept-data', 'kept-image')
    const image = await product.client.resource(VirtualMachineImage).get('kept-image', 'default')
    expect(imported(image)).toBe(true)
    expect(image.status?.size).toBeLessThan(8 * 1024 * 1024)
    await product.client.resource(VirtualMachineImage).delete('kept-image', 'default')
  })

  it('loses snapshots while it runs, and grows', async () => {
    for (const snapshot of ['tuesday', 'wednesday']) {
      await thresher('snapshot', 'create', snapshot, '--vm', name)
      await write(snapshot)
    }
    await thresher('snapshot', 'delete', 'tuesday')
    await eventually(read, (words) => words === 'wednesday')
    await thresher('volume', 'resize', 'kept-data', '96Mi')
    expect(
      await eventually(
        () => product.inGuest(name, ['cat /sys/block/vdc/size']),
        (sectors) => sectors === '196608',
      ),
    ).toBe('196608')
    expect(await thresher('volume', 'list')).toMatch(/kept-data +96\.0 MiB/)
    expect(await thresher('volume', 'space')).toMatch(/local +\d/)
  })

  it('goes back in place when it is off', async () => {
    await thresher('vm', 'stop', name, '--wait')
    await thresher('snapshot', 'restore', 'monday')
    await product.running(name)
    expect(await read()).toBe('first')
  })

  it('is backed up to a bucket while it runs, and restored from there', async () => {
    await using s3 = await startLocalS3(product.host.outside)
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = s3.settings
    const target = ['--s3', endpoint!, '--bucket', bucket, '--region', region, '--access-key', accessKeyId]
    const { code, stdout } = await product.host.thresher(['backups', 'target', ...target], { input: secretAccessKey })
    expect({ code, stdout }).toEqual({ code: 0, stdout: `backups go to the bucket ${bucket} at ${endpoint}\n` })
    await thresher('backups', 'create', 'away', '--vm', name)
    await write('after')
    await thresher('backups', 'create', 'away-again', '--vm', name)
    await write('lost')
    expect(await thresher('backups', 'list')).toMatch(/away +kept .* ready/)
    expect(await thresher('backups', 'verify', 'away-again')).toContain('is whole')
    expect(await thresher('backups', 'key')).toMatch(/^TBK1-/)
    await thresher('vm', 'stop', name, '--force', '--wait')
    await thresher('backups', 'restore', 'away-again')
    expect(await read()).toBe('after')
    for (const backup of ['away', 'away-again']) await thresher('backups', 'delete', backup)
    await eventually(
      () => product.client.resource(VirtualMachineBackup).list({ namespace: 'default' }),
      ({ items }) => items.every(({ spec }) => spec.type === 'snapshot'),
    )
    await thresher('backups', 'target', '--none')
  })
})
