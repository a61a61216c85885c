import { createHash } from 'node:crypto'
import { statfsSync } from 'node:fs'
import { Event } from '@thresher/api/core/event'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../e2e/product.ts'
import { fillDisk } from './faults.ts'
import { World } from './world.ts'

const name = 'writer'
const MiB = 1024 * 1024
/** More than the disk has left, with what is given back at first. */
const writtenMiB = 85

describe('a guest that writes while the disk of its host is full', () => {
  let world: World

  beforeAll(async () => {
    world = new World()
    await world.addMachine(name)
    await world.calm()
  })
  afterAll(async () => {
    await world.removeMachine(name)
    await world.calm()
    await world.close()
  })

  const condition = async (type: string) => {
    const instance = await world.product.client.resource(VirtualMachineInstance).get(name, world.namespace)
    return instance.status?.conditions?.find((one) => one.type === type && one.status === 'True')
  }
  const reasons = async () => {
    const { items } = await world.product.client.resource<Event>(Event).list({ namespace: world.namespace })
    return items.filter(({ involvedObject }) => involvedObject.name === name).map(({ reason }) => reason)
  }

  it('is paused and says why, goes on by itself when there is room again and says so, and has lost nothing', async () => {
    const [qemu] = [...(await world.qemus()).values()]
    await using full = await fillDisk(world, 8 * MiB)
    // Beyond the image's end, so that what is written is new to the host. Its answer comes when all of it is on the disk.
    const content = `yes thresher | head -c ${writtenMiB * MiB}`
    const writing = world.inGuest(name, `${content} | dd of=/dev/vda bs=1M seek=165 conv=notrunc,fsync`, 120_000)
    await eventually(
      () => statfsSync(world.product.info.dataDir).bavail,
      (free) => free === 0,
      60_000,
    )
    // Room for the API to say it, but not enough for the guest to go on.
    full.free(48 * MiB)
    await eventually(
      () => condition('Paused').catch(() => undefined),
      (paused) => paused?.reason === 'PausedIOError',
      60_000,
    )
    await full[Symbol.asyncDispose]()
    await writing
    await eventually(reasons, (all) => all.includes('NoRoom') && all.includes('Resumed'))
    await eventually(
      () => condition('Paused'),
      (paused) => paused === undefined,
    )
    expect([...(await world.qemus()).values()]).toEqual([qemu])
    const read = `echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vda bs=1M skip=165 count=${writtenMiB} 2>/dev/null`
    const sum = createHash('md5')
      .update(Buffer.alloc(writtenMiB * MiB, 'thresher\n'))
      .digest('hex')
    expect(await world.inGuest(name, `${read} | md5sum`, 120_000)).toContain(sum)
  })
})
