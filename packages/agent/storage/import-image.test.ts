import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { HttpServer } from '@thresher/lab/http-server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ImageFiles } from './image-files.ts'
import { importImage, type ImageImport, type Importing } from './import-image.ts'
import { LocalDriver } from './local.ts'
import { StorageFolders } from './storage-folders.ts'
import { testEgress } from './testing.ts'
import { Uploads } from './uploads.ts'

const MiB = 1024 * 1024
const isRoot = process.getuid?.() === 0

let root: string
let scratch: string
let shared: Importing
let server: HttpServer

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-import-'))
  scratch = mkdtempSync(join(tmpdir(), 'thresher-given-'))
  server = await HttpServer.start()
  await useFolders(root)
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(root, { recursive: true, force: true })
  rmSync(scratch, { recursive: true, force: true })
})

async function useFolders(path: string): Promise<void> {
  const folders = new StorageFolders(path)
  const driver = new LocalDriver({ folders })
  await driver.start()
  shared = {
    files: new ImageFiles(folders),
    uploads: new Uploads(folders, 0),
    driver,
    direct: false,
    limits: { answerMs: 500, stallMs: 500 },
    egress: () => Promise.resolve(testEgress),
  }
}

/** A disk image of 8 MiB with a pattern in its second MiB. */
function given(format: string, ...options: string[]): Buffer {
  const raw = join(scratch, 'pattern.raw')
  writeFileSync(raw, Buffer.concat([Buffer.alloc(MiB), Buffer.alloc(MiB, 0x5a), Buffer.alloc(6 * MiB)]))
  const path = join(scratch, `image.${format}`)
  execFileSync('qemu-img', ['convert', '-q', '-f', 'raw', '-O', format, ...options, raw, path])
  return readFileSync(path)
}

/** A tar archive of files that hold an image each, or a few words. */
function archive(...names: string[]): Buffer {
  for (const name of names) writeFileSync(join(scratch, name), name.endsWith('.img') ? given('raw') : 'a note')
  return execFileSync('tar', ['-C', scratch, '-c', ...names], { maxBuffer: 64 * MiB })
}

const sum = (content: Buffer) => createHash('sha512').update(content).digest('hex')

function take(content: Buffer | string, more: Partial<ImageImport> = {}) {
  const url = typeof content === 'string' ? content : server.serve('/image', content)
  return importImage(shared, { id: 'one', subject: 'image default/one', source: { kind: 'download', url }, ...more })
}

const nothingLeft = () => expect(readdirSync(shared.files.folders.images)).toEqual([])
const pattern = (range: string, value: string) =>
  execFileSync('qemu-io', ['-r', '-f', 'qcow2', '-c', `read -P ${value} ${range}`, shared.files.folders.image('one')], {
    encoding: 'utf8',
  })

describe('an import', () => {
  it.each([
    ['raw', []],
    ['qcow2', []],
    ['qcow2', ['-c']],
    ['vmdk', []],
    ['vmdk', ['-o', 'subformat=streamOptimized']],
    ['vdi', []],
    ['vhdx', []],
    ['vpc', ['-o', 'force_size=on']],
  ])('of %s %j gives a qcow2 with the same content', async (format, options) => {
    const content = given(format, ...options)
    const progress: number[] = []
    const done = await take(content, { checksum: sum(content), onProgress: (percent) => progress.push(percent) })
    expect(done).toEqual({ sizeBytes: content.length, virtualBytes: 8 * MiB })
    expect(readdirSync(shared.files.folders.images)).toEqual(['one.qcow2'])
    expect(await shared.files.virtualBytes('one')).toBe(8 * MiB)
    expect(pattern('1M 1M', '0x5a')).not.toContain('verification failed')
    expect(pattern('2M 6M', '0')).not.toContain('verification failed')
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  })

  it('of an ISO keeps it byte by byte, for use as a CD-ROM', async () => {
    writeFileSync(join(scratch, 'readme'), 'hello')
    const iso = join(scratch, 'cd.iso')
    execFileSync('genisoimage', ['-quiet', '-output', iso, '-volid', 'cd', join(scratch, 'readme')])
    const content = readFileSync(iso)
    expect(await take(content)).toEqual({ sizeBytes: content.length, virtualBytes: content.length })
    const back = join(scratch, 'back.iso')
    execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', shared.files.folders.image('one'), back])
    expect(readFileSync(back).equals(content)).toBe(true)
  })

  it.each([
    ['gzip', ['gzip', '-c']],
    ['xz', ['xz', '-1c']],
    ['zstd', ['zstd', '-qc']],
    ['bzip2', ['bzip2', '-c']],
  ])(
    'of one packed with %s unpacks it, and the checksum is that of the file as it was given',
    async (_, [program, ...args]) => {
      const content = execFileSync(program!, args, { input: given('qcow2'), maxBuffer: 64 * MiB })
      const done = await take(content, { checksum: createHash('sha256').update(content).digest('hex') })
      expect(done).toEqual({ sizeBytes: content.length, virtualBytes: 8 * MiB })
      expect(pattern('1M 1M', '0x5a')).toContain('read 1048576')
      expect(readdirSync(shared.files.folders.images)).toEqual(['one.qcow2'])
    },
  )

  it('of an OVA takes its disk', async () => {
    writeFileSync(join(scratch, 'machine.ovf'), '<Envelope/>')
    writeFileSync(join(scratch, 'disk1.vmdk'), given('vmdk', '-o', 'subformat=streamOptimized'))
    const ova = execFileSync('tar', ['-C', scratch, '--format=ustar', '-c', 'machine.ovf', 'disk1.vmdk'], {
      maxBuffer: 64 * MiB,
    })
    expect(await take(ova)).toEqual({ sizeBytes: ova.length, virtualBytes: 8 * MiB })
    expect(pattern('1M 1M', '0x5a')).toContain('read 1048576')
  })

  it('of a fixed VHD leaves its footer out', async () => {
    const content = given('vpc', '-o', 'subformat=fixed,force_size=on')
    expect(content.length).toBe(8 * MiB + 512)
    expect(await take(content)).toMatchObject({ virtualBytes: 8 * MiB })
  })

  it('writes an image that neither QEMU nor its user can change', async () => {
    await take(given('qcow2'))
    expect(statSync(shared.files.folders.image('one')).mode & 0o777).toBe(0o440)
  })

  it('of an upload takes what was sent', async () => {
    const content = given('qcow2')
    await shared.uploads.receive('one', { subject: 'image', body: Readable.from([content]), offset: 0 })
    const source = { kind: 'upload' as const }
    expect(await take('', { source, checksum: sum(content) })).toEqual({
      sizeBytes: content.length,
      virtualBytes: 8 * MiB,
    })
  })

  it('of a volume folds its image in', async () => {
    const { driver, files } = shared
    await take(given('raw'))
    await driver.create('pvc-1', { kind: 'image', image: 'one' }, 16 * MiB)
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x11 9M 1M', files.folders.volume('pvc-1')])
    const source = { kind: 'volume' as const, volume: 'pvc-1' }
    expect(await take('', { id: 'two', source })).toMatchObject({ virtualBytes: 16 * MiB })
    const check = execFileSync(
      'qemu-io',
      ['-r', '-f', 'qcow2', '-c', 'read -P 0x5a 1M 1M', '-c', 'read -P 0x11 9M 1M', files.folders.image('two')],
      { encoding: 'utf8' },
    )
    expect(check).not.toContain('verification failed')
    expect(execFileSync('qemu-img', ['info', files.folders.image('two')], { encoding: 'utf8' })).not.toContain(
      'backing',
    )
  })
})

describe('an import refuses', () => {
  it('a wrong checksum, naming both sums, and keeps nothing', async () => {
    const content = given('qcow2')
    await expect(take(content, { checksum: '00'.repeat(64) })).rejects.toMatchObject({
      reason: 'Corrupt',
      message: expect.stringContaining(sum(content).slice(0, 16)),
    })
    nothingLeft()
  })

  it('a qcow2 whose backing file is a file of the host', async () => {
    const path = join(scratch, 'evil.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/shadow', '-F', 'raw', path, '8M'])
    await expect(take(readFileSync(path))).rejects.toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('/etc/shadow'),
    })
    nothingLeft()
  })

  it('a qcow2 with its data in another file', async () => {
    const path = join(scratch, 'evil.qcow2')
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${join(scratch, 'data')},data_file_raw=on`,
      path,
      '8M',
    ])
    await expect(take(readFileSync(path))).rejects.toMatchObject({ reason: 'Refused' })
    nothingLeft()
  })

  it('a VMDK whose extents are other files', async () => {
    const path = join(scratch, 'flat.vmdk')
    execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', path, '8M'])
    await expect(take(readFileSync(path))).rejects.toMatchObject({ reason: 'Refused' })
    nothingLeft()
  })

  it('a VMDK with a sparse header in front of such a description', async () => {
    const description = `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2 FLAT "/etc/passwd" 0\n`
    const evil = Buffer.alloc(64 * 1024)
    evil.write('KDMV', 0)
    evil.writeUInt32LE(1, 4)
    evil.writeBigUInt64LE(1n, 28)
    evil.writeBigUInt64LE(20n, 36)
    evil.write(description, 512)
    await expect(take(evil)).rejects.toMatchObject({ reason: 'Refused' })
    nothingLeft()
  })

  it('a damaged qcow2', async () => {
    const content = given('qcow2')
    content.fill(0xff, 64 * 1024, 64 * 1024 + 512)
    await expect(take(content)).rejects.toMatchObject({ reason: 'Corrupt' })
    nothingLeft()
  })

  it('a qcow2 that is cut off', async () => {
    const path = join(scratch, 'image.qcow2')
    given('qcow2')
    truncateSync(path, 300 * 1024)
    await expect(take(readFileSync(path))).rejects.toMatchObject({ reason: 'Corrupt' })
    nothingLeft()
  })

  it('a qcow2 that claims a size beyond reason', async () => {
    const content = given('qcow2')
    content.writeBigUInt64BE(2n ** 55n, 24)
    await expect(take(content)).rejects.toMatchObject({ reason: expect.stringMatching(/Refused|Corrupt/) })
    nothingLeft()
  })

  it.each([
    ['gzip', Buffer.from('1f8b0800000000000003', 'hex')],
    ['xz', Buffer.from('fd377a585a000004', 'hex')],
  ])('what cannot be unpacked: %s', async (what, content) => {
    await expect(take(content)).rejects.toMatchObject({ reason: 'Corrupt', message: expect.stringContaining(what) })
    nothingLeft()
  })

  it('what is packed to fill the disk', async () => {
    const zeros = execFileSync('sh', ['-c', 'head -c 1200M /dev/zero | zstd -q -1'], { maxBuffer: 64 * MiB })
    expect(zeros.length).toBeLessThan(MiB)
    await expect(take(zeros)).rejects.toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('1000 times'),
    })
    nothingLeft()
  })

  it('what is packed over and over', async () => {
    const path = join(scratch, 'deep')
    writeFileSync(path, given('qcow2'))
    for (let i = 0; i < 3; i++) {
      execFileSync('gzip', ['-f', '-S', '.z', path])
      renameSync(`${path}.z`, path)
    }
    await expect(take(readFileSync(path))).rejects.toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('packed'),
    })
    nothingLeft()
  })

  it.each([
    ['no disk', ['note.txt'], 'without a disk image'],
    ['two disks', ['a.img', 'b.img'], 'several disks'],
  ])('an archive with %s', async (_, names, message) => {
    await expect(take(archive(...names))).rejects.toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining(message),
    })
    nothingLeft()
  })

  it('an archive that is cut', async () => {
    const content = archive('a.img')
    await expect(take(content.subarray(0, content.length - 64 * 1024))).rejects.toMatchObject({ reason: 'Corrupt' })
    nothingLeft()
  })

  it('nothing at all', async () => {
    await expect(take(Buffer.alloc(0))).rejects.toMatchObject({ reason: 'Corrupt' })
    nothingLeft()
  })
})

describe('an import that is interrupted', () => {
  it('by the server goes on where it was', async () => {
    const content = given('raw')
    const url = server.serve('/image', content, { cutAfterBytes: 3 * MiB }, {})
    await expect(take(url, { checksum: sum(content) })).rejects.toMatchObject({ reason: 'Cut' })
    expect(await take(url, { checksum: sum(content) })).toMatchObject({ virtualBytes: 8 * MiB })
    expect(server.requests[1]!.range).toMatch(/^bytes=[1-9]/)
  })

  it('by its signal stops soon and keeps what it has', async () => {
    const url = server.serve('/image', given('raw'), { bytesPerSecond: 4 * MiB })
    const stop = new AbortController()
    const running = take(url, {
      signal: stop.signal,
      onProgress: (percent) => percent >= 20 && stop.abort(new Error('gone')),
    })
    await expect(running).rejects.toThrow('gone')
    expect(readdirSync(shared.files.folders.import('one'))).toContain('source')
  })

  it('is swept when its image is gone', async () => {
    await shared.files.beginImport('kept', { uid: 65534, gid: 65534 })
    await shared.files.beginImport('gone', { uid: 65534, gid: 65534 })
    expect(await shared.files.sweep(new Set(['kept']))).toEqual(['.import-gone'])
    expect(readdirSync(shared.files.folders.images)).toEqual(['.import-kept'])
  })
})

describe('an image', () => {
  it('is not removed while a volume is based on it', async () => {
    await take(given('qcow2'))
    await shared.driver.create('pvc-1', { kind: 'image', image: 'one' }, 16 * MiB)
    await expect(shared.files.remove('one')).rejects.toMatchObject({
      reason: 'InUse',
      message: expect.stringContaining('pvc-1'),
    })
    await shared.driver.delete('pvc-1')
    await shared.files.remove('one')
    await shared.files.remove('one')
    nothingLeft()
  })
})

describe.skipIf(!isRoot)('on a small disk', () => {
  let mount: string

  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'thresher-small-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount])
  })

  afterEach(() => {
    execFileSync('umount', [mount])
    rmSync(mount, { recursive: true })
  })

  it('an import that does not fit is refused before it starts', async () => {
    await useFolders(mount)
    await expect(take(given('raw'))).rejects.toMatchObject({ reason: 'NoSpace' })
    nothingLeft()
  })

  it('an import that fills the disk on the way leaves nothing', async () => {
    await useFolders(mount)
    shared.reserveBytes = 0
    const large = Buffer.alloc(40 * MiB, 0x77)
    await expect(take(server.serve('/image', large, { anonymous: true }))).rejects.toMatchObject({ reason: 'NoSpace' })
    nothingLeft()
  })

  it('a conversion that fills the disk leaves nothing', async () => {
    await useFolders(mount)
    shared.reserveBytes = 0
    const content = given('raw')
    const fitting = Buffer.concat([content, Buffer.alloc(8 * MiB, 0x77)])
    await expect(take(fitting)).rejects.toMatchObject({ reason: 'NoSpace' })
    nothingLeft()
  })
})
