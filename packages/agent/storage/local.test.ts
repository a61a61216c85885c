import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestGuest } from '../compute/testing-guest.ts'
import { LocalDriver } from './local.ts'
import { StorageFolders } from './storage-folders.ts'
import { describeVolumeDriver, guestUids } from './volume-driver-conformance.ts'

const MiB = 1024 * 1024
const image = '6f1e0c1a-0000-4000-8000-000000000001'

let root: string
let folders: StorageFolders
let driver: LocalDriver

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-volumes-'))
  folders = new StorageFolders(root)
  driver = new LocalDriver({ folders })
  await driver.start()
  makeImage(folders)
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

function makeImage(where: StorageFolders): void {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', where.image(image), String(8 * MiB)])
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xab 0 1M', where.image(image)])
}

describeVolumeDriver('local', async () => {
  const own = mkdtempSync(join(tmpdir(), 'thresher-conformance-'))
  const mine = new StorageFolders(own)
  const start = async () => {
    const made = new LocalDriver({ folders: mine, guestUids })
    await made.start()
    return made
  }
  const driver = await start()
  makeImage(mine)
  return {
    driver,
    image,
    restarted: start,
    startGuest: (disks, isWritten) => TestGuest.start(disks, isWritten),
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(own, { recursive: true, force: true })),
  }
})

describe('a local volume', () => {
  it('is a file of its own that names its image, and takes no room for what it shares', async () => {
    await driver.create('pvc-1', { kind: 'image', image }, 64 * MiB)
    const info = await driver.inspect('pvc-1')
    expect(info).toMatchObject({ bytes: 64 * MiB, image })
    expect(info!.allocatedBytes).toBeLessThan(MiB)
    expect((await driver.publish('pvc-1')).files).toEqual([
      { path: folders.volume('pvc-1'), access: 'write' },
      { path: folders.image(image), access: 'read' },
    ])
    await driver.create('pvc-2', { kind: 'empty' }, 10 * MiB + 1)
    expect(await driver.inspect('pvc-2')).toMatchObject({ bytes: 10 * MiB + 4096 })
  })

  it('larger than the whole disk is refused with both sizes', async () => {
    const made = driver.create('pvc-1', { kind: 'empty' }, 2 ** 52)
    await expect(made).rejects.toMatchObject({ message: expect.stringContaining('4194304.0 GiB') })
  })

  it('whose header points at another file of the host is not opened', async () => {
    const secret = join(root, 'secret.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', secret, String(MiB)])
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'qcow2', folders.volume('pvc-1')])
    await expect(driver.publish('pvc-1')).rejects.toMatchObject({ reason: 'Corrupt' })
  })
})

describe('the start of the driver', () => {
  it('removes what an interrupted call left and keeps volumes', async () => {
    await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    writeFileSync(join(folders.volumes, '.new-abc'), 'half')
    expect(await driver.start()).toEqual(['.new-abc'])
    expect(await driver.list()).toEqual(['pvc-1'])
  })

  it('lets the user of QEMU pass through its folders', async () => {
    const narrow = new StorageFolders(join(root, 'narrow'))
    mkdirSync(narrow.root, { mode: 0o700 })
    const mine = new LocalDriver({ folders: narrow })
    await mine.start()
    await mine.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    if (process.getuid?.() !== 0) return
    await mine.publish('pvc-1', { user: { uid: 65534, gid: 65534 } })
    execFileSync('setpriv', [
      '--reuid',
      '65534',
      '--regid',
      '65534',
      '--clear-groups',
      'test',
      '-w',
      narrow.volume('pvc-1'),
    ])
  })
})
