import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Event } from '@thresher/api/core/event'
import { Setting } from '@thresher/api/harvester/setting'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { Client } from '@thresher/client/client'
import { runControllers, type Running } from '@thresher/client/controller'
import { MemoryTransport } from '@thresher/client/testing'
import { HttpServer } from '@thresher/lab/http-server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ImageFiles } from './image-files.ts'
import { importImage } from './import-image.ts'
import { StorageFolders } from './storage-folders.ts'
import { openLoopback, testEgress } from './testing.ts'
import { Uploads } from './uploads.ts'
import { noOpenVolumes } from './open-volumes.ts'
import { openStorage, type HostStorage, type StorageOptions } from './storage.ts'

const MiB = 1024 * 1024
const times = { firstMs: 20, longestMs: 50, restMs: 30 }

let root: string
let content: Buffer
let server: HttpServer
let transport: MemoryTransport
let storage: HostStorage
let running: Running
let stop: AbortController

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-images-'))
  const raw = join(root, 'given.raw')
  execFileSync('qemu-img', ['create', '-q', '-f', 'raw', raw, '8M'])
  execFileSync('qemu-io', ['-f', 'raw', '-c', 'write -P 0x5a 1M 1M', raw])
  content = readFileSync(raw)
  server = await HttpServer.start()
  transport = new MemoryTransport()
  await openLoopback(new Client(transport))
  await startAgent()
})

afterEach(async () => {
  stop.abort()
  await server[Symbol.asyncDispose]()
  rmSync(root, { recursive: true, force: true })
  expect(transport.bareWords).toEqual([])
})

async function startAgent(more: Partial<StorageOptions> = {}): Promise<void> {
  stop = new AbortController()
  storage = await openStorage({ root, node: 'here', times, limits: { answerMs: 300, stallMs: 300 }, ...more })
  running = await runControllers(storage.controllers(noOpenVolumes), {
    transport,
    signal: stop.signal,
    component: 'agent',
  })
}

const images = () => new Client(transport).resource(VirtualMachineImage)
const sum = () => createHash('sha512').update(content).digest('hex')

function create(
  spec: Partial<VirtualMachineImage['spec']>,
  name = 'debian',
  namespace = 'default',
): Promise<VirtualMachineImage> {
  return images().create({
    metadata: { name, namespace, annotations: { 'thresher.io/import-node': 'here' } },
    spec: { displayName: name, sourceType: 'download', ...spec } as VirtualMachineImage['spec'],
  })
}

async function until(
  what: (image: VirtualMachineImage) => boolean,
  name = 'debian',
  namespace = 'default',
): Promise<VirtualMachineImage> {
  const end = Date.now() + 60_000
  for (;;) {
    const image = await images().get(name, namespace)
    if (what(image)) return image
    if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(image.status, undefined, 2)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function gone(): Promise<void> {
  const end = Date.now() + 60_000
  while ((await images().list()).items.length > 0) {
    if (Date.now() > end) throw new Error('the image is still there')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const says = (image: VirtualMachineImage, type: string) => image.status?.conditions?.find((one) => one.type === type)
const isImported = (image: VirtualMachineImage) => says(image, 'Imported')?.status === 'True'
const isOver = (image: VirtualMachineImage) => says(image, 'RetryLimitExceeded')?.status === 'True'
const leftBehind = () => readdirSync(join(root, 'images'))

describe('an image assigned to this node', () => {
  it('is imported, with its sizes in the status', async () => {
    await create({ url: server.serve('/a', content), checksum: sum() })
    const image = await until(isImported)
    expect(image.status).toMatchObject({ progress: 100, size: content.length, virtualSize: 8 * MiB })
    expect(says(image, 'Initialized')).toMatchObject({ status: 'True' })
    expect(says(image, 'RetryLimitExceeded')).toMatchObject({ status: 'False' })
    expect(image.metadata.finalizers).toContain('local.thresher.io/image')
    expect(leftBehind()).toEqual([`${image.metadata.uid}.qcow2`])
  })

  it('of another node is left alone', async () => {
    await images().create({
      metadata: { name: 'far', namespace: 'default', annotations: { 'thresher.io/import-node': 'there' } },
      spec: {
        displayName: 'far',
        sourceType: 'download',
        url: server.serve('/a', content),
      } as VirtualMachineImage['spec'],
    })
    await running.idle()
    expect((await images().get('far', 'default')).status).toBeUndefined()
    expect(server.requests).toEqual([])
  })

  it('is tried again after failures, and goes on where it was', async () => {
    const url = server.serve('/a', content, { status: 503 }, { cutAfterBytes: 3 * MiB }, {})
    await create({ url, checksum: sum() })
    const image = await until(isImported)
    expect(image.status).toMatchObject({ failed: 2, progress: 100 })
    expect(server.requests.at(-1)!.range).toMatch(/^bytes=[1-9]/)
  })

  it.each([
    ['that is missing', { status: 404 }, '404'],
    ['that hangs', { hang: true }, 'did not answer'],
    ['that stalls', { stallAfterBytes: 1000 }, 'sent nothing'],
    ['that lies about its length', { claimedLength: 9 * MiB }, 'but ended after'],
  ])('with a URL %s ends in a condition that says so', async (_, misbehaviour, words) => {
    await create({ url: server.serve('/a', content, misbehaviour), retry: 1 })
    const image = await until(isOver)
    expect(says(image, 'Imported')).toMatchObject({ status: 'False', message: expect.stringContaining(words) })
    expect(says(image, 'RetryLimitExceeded')!.message).toContain(words)
    expect(image.status).toMatchObject({ failed: 2 })
    await running.idle()
    const events = await new Client(transport).resource(Event).list()
    expect(events.items.map(({ reason }) => reason)).toContain('ImportFailed')
  })

  it('with a wrong checksum ends in a condition and leaves nothing', async () => {
    await create({ url: server.serve('/a', content), checksum: 'ab'.repeat(64), retry: 0 })
    const image = await until(isOver)
    expect(says(image, 'Imported')!.message).toContain('SHA-512')
    expect(leftBehind()).toEqual([])
  })

  it('whose file points at a file of the host is refused at once', async () => {
    const path = join(root, 'evil.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/shadow', '-F', 'raw', path, '8M'])
    await create({ url: server.serve('/a', readFileSync(path)) })
    const image = await until(isOver)
    expect(says(image, 'Imported')).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('/etc/shadow'),
    })
    expect(server.requests).toHaveLength(1)
    expect(leftBehind()).toEqual([])
  })

  it('deleted while it is imported stops at once and leaves nothing', async () => {
    await create({ url: server.serve('/a', content, { bytesPerSecond: MiB }) })
    await until((image) => says(image, 'Imported')?.status === 'Unknown')
    await images().delete('debian', 'default')
    await gone()
    expect(leftBehind()).toEqual([])
  })

  it('deleted later goes with its file', async () => {
    await create({ url: server.serve('/a', content) })
    await until(isImported)
    await images().delete('debian', 'default')
    await gone()
    expect(leftBehind()).toEqual([])
  })

  it('is finished after a restart of the agent, from where it was', async () => {
    const url = server.serve('/a', content, { bytesPerSecond: 1.5 * MiB }, {})
    await create({ url, checksum: sum() })
    const { metadata } = await until((image) => says(image, 'Imported')?.status === 'Unknown')
    const partial = join(root, 'images', `.import-${metadata.uid}`, 'source')
    while (!existsSync(partial) || readFileSync(partial).length < MiB) await new Promise((done) => setTimeout(done, 5))
    stop.abort()
    await startAgent()
    await until(isImported)
    expect(server.requests.at(-1)!.range).toMatch(/^bytes=[1-9]/)
  })

  it('is not fetched from an address that the setting does not open', async () => {
    const settings = new Client(transport).resource(Setting)
    await settings.patch('outbound-ranges', undefined, { value: '{"deny":["127.0.0.0/8"]}' }, 'merge')
    await create({ url: server.serve('/a', content) })
    expect(says(await until(isOver), 'Imported')).toMatchObject({
      status: 'False',
      reason: 'Closed',
      message: expect.stringContaining('outbound-ranges'),
    })
    expect(server.requests).toEqual([])
  })

  it('is not kept waiting by slow ones of another namespace, which go on later from where they were', async () => {
    stop.abort()
    await startAgent({ places: 2, limits: { answerMs: 300, stallMs: 2000 } })
    const slow = (name: string) => server.serve(`/${name}`, content, { bytesPerSecond: 1.5 * MiB }, {})
    for (const name of ['s1', 's2', 's3']) await create({ url: slow(name) }, name, 'greedy')
    // Which two of them came first is open; both have got some bytes, and are far from done.
    await expect.poll(() => server.requests.length).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await create({ url: server.serve('/quick', content) })
    await until(isImported)
    for (const name of ['s1', 's2', 's3'])
      expect((await until(isImported, name, 'greedy')).status).toMatchObject({ virtualSize: 8 * MiB })
    expect(server.requests.some(({ path, range }) => path.startsWith('/s') && range)).toBe(true)
  })

  it('says that it waits for an upload, and takes it', async () => {
    await create({ sourceType: 'upload' })
    await until((image) => says(image, 'Initialized')?.status === 'True')
    await storage.images.upload('default/debian', {
      body: Readable.from([content]),
      offset: 0,
      totalBytes: content.length,
    })
    expect((await until(isImported)).status).toMatchObject({ virtualSize: 8 * MiB, progress: 100 })
    const again = storage.images.upload('default/debian', { body: Readable.from([content]), offset: 0 })
    await expect(again).rejects.toMatchObject({ reason: 'Conflict' })
  })

  it('that is deleted while its file is sent ends the sending and leaves nothing', async () => {
    await create({ sourceType: 'upload' })
    await until((image) => says(image, 'Initialized')?.status === 'True')
    const body = new Readable({ read() {} })
    body.push(content.subarray(0, MiB))
    const sending = storage.images.upload('default/debian', { body, offset: 0, totalBytes: content.length })
    const ended = expect(sending).rejects.toMatchObject({
      reason: 'NotFound',
      message: expect.stringContaining('deleted'),
    })
    const again = storage.images.upload('default/debian', { body: Readable.from([content]), offset: 0 })
    await expect(again).rejects.toMatchObject({ reason: 'Conflict' })
    await images().delete('debian', 'default')
    await ended
    await gone()
    expect(leftBehind()).toEqual([])
  })

  it('whose file vanished says what to do and does not take another in its place', async () => {
    await create({ url: server.serve('/a', content) })
    const { metadata } = await until(isImported)
    stop.abort()
    rmSync(join(root, 'images', `${metadata.uid}.qcow2`))
    await startAgent()
    const image = await until(isOver)
    expect(says(image, 'Imported')).toMatchObject({ status: 'False', reason: 'FileMissing' })
    expect(server.requests).toHaveLength(1)
  })
})

describe('an import whose process is killed', () => {
  const folder = () => join(root, 'images/.import-killed')
  const sizeOf = (name: string) => (existsSync(join(folder(), name)) ? statSync(join(folder(), name)).size : -1)

  it.each([
    ['while it fetches', () => sizeOf('source') > MiB, [expect.stringMatching(/^bytes=[1-9]/)]],
    // All of it is there: nothing more is asked.
    ['while it converts', () => sizeOf('out/image.qcow2') >= 0, []],
  ])('%s goes on in the next one', async (_, moment, ranges) => {
    stop.abort()
    const url = server.serve('/a', content, { bytesPerSecond: 16 * MiB }, {})
    const own = (name: string) => JSON.stringify(join(import.meta.dirname, name))
    const script = `
      const { StorageFolders } = await import(${own('storage-folders.ts')})
      const { LocalDriver } = await import(${own('local.ts')})
      const { ImageFiles } = await import(${own('image-files.ts')})
      const { importImage } = await import(${own('import-image.ts')})
      const { testEgress } = await import(${own('testing.ts')})
      const egress = () => Promise.resolve(testEgress)
      const folders = new StorageFolders(${JSON.stringify(root)})
      const driver = new LocalDriver({ folders })
      await driver.start()
      await importImage({ files: new ImageFiles(folders), driver, direct: false, egress }, {
        id: 'killed', subject: 'image', source: { kind: 'download', url: ${JSON.stringify(url)} }, checksum: '${sum()}' })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    while (!moment() && child.exitCode === null) await new Promise((done) => setTimeout(done, 1))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(leftBehind()).toEqual(['.import-killed'])

    const files = new ImageFiles(new StorageFolders(root))
    const uploads = new Uploads(new StorageFolders(root), 0)
    const work = { id: 'killed', subject: 'image', source: { kind: 'download' as const, url }, checksum: sum() }
    const done = await importImage(
      { files, uploads, driver: storage.driver, direct: false, egress: () => Promise.resolve(testEgress) },
      work,
    )
    expect(done).toEqual({ sizeBytes: content.length, virtualBytes: 8 * MiB })
    expect(server.requests.slice(1).map(({ range }) => range)).toEqual(ranges)
    expect(leftBehind()).toEqual(['killed.qcow2'])
  })
})

describe.skipIf(process.getuid?.() !== 0)('a full disk', () => {
  it('is said in a condition, and the import ends well once there is room', async () => {
    stop.abort()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', root])
    try {
      await startAgent({ reserveBytes: 1024 * 1024 })
      await create({ url: server.serve('/a', content), retry: 0 })
      execFileSync('fallocate', ['-l', '6M', join(root, 'ballast')])
      const image = await until((one) => says(one, 'Imported')?.reason === 'NoSpace')
      expect(says(image, 'Imported')).toMatchObject({ status: 'False', message: expect.stringContaining('delete') })
      expect(leftBehind().filter((name) => name.endsWith('.qcow2'))).toEqual([])
      rmSync(join(root, 'ballast'))
      await until(isImported)
    } finally {
      stop.abort()
      execFileSync('umount', ['-l', root])
    }
  })
})
