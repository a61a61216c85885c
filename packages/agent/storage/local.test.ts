import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LocalDriver } from './local.ts'
import { StorageFolders } from './storage-folders.ts'
import type { BlockNode } from './volume-driver.ts'

const MiB = 1024 * 1024
const image = '6f1e0c1a-0000-4000-8000-000000000001'

let root: string
let folders: StorageFolders
let driver: LocalDriver
const started: ChildProcess[] = []

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-volumes-'))
  folders = new StorageFolders(root)
  driver = new LocalDriver({ folders })
  await driver.start()
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', folders.image(image), String(8 * MiB)])
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xab 0 1M', folders.image(image)])
})

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(root, { recursive: true, force: true })
})

/** A QEMU without a guest that opens these nodes; resolves when it did. */
async function openInQemu(node: BlockNode): Promise<string> {
  const args = ['-machine', 'none', '-nodefaults', '-display', 'none', '-qmp', 'stdio']
  for (const blockdev of node.blockdevs) args.push('-blockdev', JSON.stringify(blockdev))
  const child = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  started.push(child)
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  child.stdin.write('{"execute":"qmp_capabilities"}{"execute":"query-named-block-nodes"}\n')
  while (child.exitCode === null && !said.includes('node-name')) await new Promise((done) => setTimeout(done, 10))
  return said
}

const read = (path: string, pattern: string, range: string) =>
  execFileSync('qemu-io', ['-r', '-f', 'qcow2', '-c', `read -P ${pattern} ${range}`, path], { encoding: 'utf8' })

describe('a local volume', () => {
  it('is made empty with the size asked for, rounded up to whole sectors', async () => {
    await driver.create('pvc-1', { kind: 'empty' }, 10 * MiB + 1)
    expect(await driver.inspect('pvc-1')).toMatchObject({ bytes: 10 * MiB + 4096, inUse: false, image: undefined })
    expect(await driver.list()).toEqual(['pvc-1'])
  })

  it('from an image shows its content and takes no room of its own', async () => {
    await driver.create('pvc-1', { kind: 'image', image }, 64 * MiB)
    const info = await driver.inspect('pvc-1')
    expect(info).toMatchObject({ bytes: 64 * MiB, image })
    expect(info!.allocatedBytes).toBeLessThan(MiB)
    expect(read(folders.volume('pvc-1'), '0xab', '0 1M')).toContain('read 1048576')
    expect(read(folders.volume('pvc-1'), '0', '8M 8M')).not.toContain('verification failed')
  })

  it('may be made twice, but not smaller or from something else than it is', async () => {
    await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    await expect(driver.create('pvc-1', { kind: 'empty' }, 32 * MiB)).rejects.toMatchObject({ reason: 'Conflict' })
    const other = driver.create('pvc-1', { kind: 'image', image }, 16 * MiB)
    await expect(other).rejects.toMatchObject({ reason: 'Conflict' })
  })

  it('smaller than its image is refused, and nothing is left behind', async () => {
    const made = driver.create('pvc-1', { kind: 'image', image }, 4 * MiB)
    await expect(made).rejects.toMatchObject({ reason: 'TooSmall', message: expect.stringContaining('8388608') })
    expect(readdirSync(folders.volumes)).toEqual([])
  })

  it('from an image that is not there is refused', async () => {
    const made = driver.create('pvc-1', { kind: 'image', image: 'elsewhere' }, 64 * MiB)
    await expect(made).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('larger than the whole disk is refused with both sizes', async () => {
    const made = driver.create('pvc-1', { kind: 'empty' }, 2 ** 52)
    await expect(made).rejects.toMatchObject({ reason: 'NoSpace', message: expect.stringContaining('4194304.0 GiB') })
  })

  it.each(['', '../x', 'a/b', '.hidden', 'a.qcow2', 'x'.repeat(201), 'a\nb'])('named %j is refused', async (id) => {
    await expect(driver.create(id, { kind: 'empty' }, MiB)).rejects.toMatchObject({ reason: 'Invalid' })
    await expect(driver.delete(id)).rejects.toMatchObject({ reason: 'Invalid' })
  })

  it('can be copied into a larger one, still sharing the image', async () => {
    await driver.create('pvc-1', { kind: 'image', image }, 16 * MiB)
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xcd 9M 1M', folders.volume('pvc-1')])
    await driver.create('pvc-2', { kind: 'volume', volume: 'pvc-1' }, 32 * MiB)
    expect(await driver.inspect('pvc-2')).toMatchObject({ bytes: 32 * MiB, image })
    expect(read(folders.volume('pvc-2'), '0xab', '0 1M')).not.toContain('verification failed')
    expect(read(folders.volume('pvc-2'), '0xcd', '9M 1M')).not.toContain('verification failed')
  })

  it('grows, and stays as it is when asked for less', async () => {
    await driver.create('pvc-1', { kind: 'image', image }, 16 * MiB)
    await driver.grow('pvc-1', 48 * MiB)
    await driver.grow('pvc-1', 20 * MiB)
    expect(await driver.inspect('pvc-1')).toMatchObject({ bytes: 48 * MiB })
    expect(read(folders.volume('pvc-1'), '0xab', '0 1M')).not.toContain('verification failed')
  })

  it('is published as nodes that QEMU opens, its image read-only below it', async () => {
    await driver.create('pvc-1', { kind: 'image', image }, 16 * MiB)
    const node = await driver.publish('pvc-1', { nodeName: 'disk-root' })
    expect(node.files).toEqual([
      { path: folders.volume('pvc-1'), access: 'write' },
      { path: folders.image(image), access: 'read' },
    ])
    const said = await openInQemu(node)
    expect(said).not.toContain('error')
    for (const name of ['disk-root', 'disk-root-file', 'disk-root-b1', 'disk-root-b1-file'])
      expect(said).toContain(`"node-name": "${name}"`)
  })

  it('that a guest has open is neither deleted nor grown here, nor opened twice', async () => {
    await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    const node = await driver.publish('pvc-1')
    await openInQemu(node)
    await driver.unpublish('pvc-1')
    expect(await driver.inspect('pvc-1')).toMatchObject({ inUse: true })
    await expect(driver.delete('pvc-1')).rejects.toMatchObject({ reason: 'InUse' })
    await expect(driver.grow('pvc-1', 32 * MiB)).rejects.toMatchObject({ reason: 'InUse' })
    expect(await openInQemu(node)).toContain('lock')
  })

  it('is deleted, and deleting it again is no error', async () => {
    await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    await driver.delete('pvc-1')
    await driver.delete('pvc-1')
    expect(await driver.inspect('pvc-1')).toBeUndefined()
    await expect(driver.publish('pvc-1')).rejects.toMatchObject({ reason: 'NotFound' })
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
    const owner = { uid: 65534, gid: 65534 }
    const mine = new LocalDriver({ folders: narrow, ...(process.getuid?.() === 0 ? { owner } : {}) })
    await mine.start()
    await mine.create('pvc-1', { kind: 'empty' }, 16 * MiB)
    if (process.getuid?.() === 0)
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
