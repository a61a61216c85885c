/**
 * How fast images come in and volumes are made, beside what must be done at least: the plain copy of the bytes with its
 * checksum, qemu-img alone, one fsync.
 *
 *     node bench/storage.ts [--mebibytes 512] [--count 30]
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { ImageFiles } from '@thresher/agent/storage/image-files'
import { importImage } from '@thresher/agent/storage/import-image'
import { LocalDriver } from '@thresher/agent/storage/local'
import { StorageFolders } from '@thresher/agent/storage/storage-folders'
import { Uploads } from '@thresher/agent/storage/uploads'
import { Egress } from '@thresher/client/node/egress/egress'
import { execute } from '@thresher/lab/run'
import { percentile, printFigures } from './figures.ts'

const { values } = parseArgs({
  options: { mebibytes: { type: 'string', default: '512' }, count: { type: 'string', default: '30' } },
})
const MiB = 1024 * 1024
const bytes = Number(values.mebibytes) * MiB

const work = await mkdtemp(join(tmpdir(), 'bench-storage-'))
const server = await serve(join(work, 'given.qcow2'))
try {
  const sha512 = await makeImage(join(work, 'given.qcow2'))
  const { size } = await stat(join(work, 'given.qcow2'))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

  const copy = await timed(() => fetchAndHash(url, join(work, 'copy')))
  const convert = await timed(() =>
    qemuImg(
      'convert',
      '-f',
      'qcow2',
      '-O',
      'qcow2',
      '-t',
      'none',
      '-W',
      '-m',
      '8',
      join(work, 'copy'),
      join(work, 'converted'),
    ),
  )
  const folders = new StorageFolders(join(work, 'agent'))
  const driver = new LocalDriver({ folders })
  await driver.start()
  const egress = new Egress({ allow: ['127.0.0.1'], deny: [] })
  const shared = {
    files: new ImageFiles(folders),
    uploads: new Uploads(folders, 0),
    driver,
    direct: true,
    egress: () => Promise.resolve(egress),
  }
  const source = { kind: 'download' as const, url }
  const imported = await timed(() => importImage(shared, { id: 'image', subject: 'image', source, checksum: sha512 }))

  const made: number[] = []
  const floor: number[] = []
  for (let i = 0; i < Number(values.count); i++) {
    made.push(await timed(() => driver.create(`v${i}`, { kind: 'image', image: 'image' }, 4 * bytes)))
    floor.push(await timed(() => createAndSync(join(work, `f${i}`), folders.image('image'))))
  }
  printFigures([
    {
      name: `import of a ${Math.round(size / MiB)} MiB qcow2: download, SHA-512, check, convert`,
      value: imported,
      unit: 'ms',
      beside: { name: 'copy with SHA-512, then qemu-img convert', value: copy + convert },
    },
    { name: 'the same per second', value: size / MiB / (imported / 1000), unit: 'MiB/s' },
    {
      name: 'volume from an image, p50',
      value: percentile(made, 0.5),
      unit: 'ms',
      limit: 40,
      beside: { name: 'qemu-img create and one fsync', value: percentile(floor, 0.5) },
    },
    { name: 'volume from an image, p95', value: percentile(made, 0.95), unit: 'ms' },
  ])
} finally {
  server.closeAllConnections()
  server.close()
  await rm(work, { recursive: true, force: true })
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

async function qemuImg(...args: string[]): Promise<void> {
  const { code, stderr } = await execute('qemu-img', args)
  if (code !== 0) throw new Error(stderr)
}

/** A qcow2 with data that do not compress. @returns its SHA-512 */
async function makeImage(path: string): Promise<string> {
  const raw = `${path}.raw`
  const file = createReadStream('/dev/urandom', { end: bytes - 1, highWaterMark: MiB })
  await pipeline(file, createWriteStream(raw))
  await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, path)
  await rm(raw)
  const hash = createHash('sha512')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** A web server that gives this one file. */
async function serve(path: string): Promise<Server> {
  const listening = createServer((_request, response) => {
    stat(path)
      .then(({ size }) => {
        response.writeHead(200, { 'content-length': size, etag: '"one"' })
        return pipeline(createReadStream(path, { highWaterMark: MiB }), response)
      })
      .catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return listening
}

async function fetchAndHash(url: string, path: string): Promise<void> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(url, resolve).on('error', reject))
  const hash = createHash('sha512')
  const hashed = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece)
      done(null, piece)
    },
  })
  await pipeline(response, hashed, createWriteStream(path))
}

async function createAndSync(path: string, backing: string): Promise<void> {
  await qemuImg('create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', path, String(4 * bytes))
  await using file = await open(path, 'r')
  await file.sync()
}
