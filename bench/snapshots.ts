/**
 * How long snapshots, copies and restores of a large volume take, how long its guest waits meanwhile, and what chains cost its reads.
 *
 *     node bench/snapshots.ts [--gibibytes 20] [--mebibytes 512] [--snapshots 50]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { TestGuest } from '@thresher/agent/compute/testing-guest'
import { LocalDriver } from '@thresher/agent/storage/local'
import { StorageFolders } from '@thresher/agent/storage/storage-folders'
import { execute } from '@thresher/lab/run'
import { percentile, printFigures } from './figures.ts'

const { values } = parseArgs({
  options: {
    gibibytes: { type: 'string', default: '20' },
    mebibytes: { type: 'string', default: '512' },
    snapshots: { type: 'string', default: '50' },
  },
})
const MiB = 1024 * 1024
const size = Number(values.gibibytes) * 1024 * MiB
const written = Number(values.mebibytes)

const work = await mkdtemp(join(tmpdir(), 'bench-snapshots-'))
const folders = new StorageFolders(work)
const driver = new LocalDriver({ folders })
try {
  await driver.start()
  await driver.create('disk', { kind: 'empty' }, size)
  const guest = await TestGuest.start({ disk: await driver.publish('disk', { nodeName: 'vol0' }) })
  driver.serve(guest)
  await guest.io('disk', `write -P 1 0 ${written}M`)
  const running = await whileWriting(guest)
  await guest[Symbol.asyncDispose]()
  await driver.unpublish('disk')
  const restore = await timed(() => driver.create('back', { kind: 'snapshot', snapshot: 's0' }, size))
  const off = await timed(() => driver.create('copy-off', { kind: 'volume', volume: 'disk' }, size))
  const chains = await chainReads()
  printFigures([
    {
      name: `snapshot of ${values.gibibytes} GiB, guest writes, p50`,
      value: percentile(running.snapshots, 0.5),
      unit: 'ms',
      limit: 1000,
    },
    {
      name: 'longest wait of the guest for its new file',
      value: Math.max(...running.switches),
      unit: 'ms',
      limit: 10,
    },
    { name: 'copy of the volume, guest writes', value: running.copy, unit: 'ms', limit: 500 },
    { name: 'copy of the volume, off', value: off, unit: 'ms', limit: 500 },
    { name: 'volume from a snapshot (restore)', value: restore, unit: 'ms', limit: 500 },
    ...chains,
  ])
} finally {
  await rm(work, { recursive: true, force: true })
}

/** Snapshots and a copy while a guest writes as fast as it can. */
async function whileWriting(guest: TestGuest) {
  const snapshots: number[] = []
  const switches: number[] = []
  const execute = guest.qmp.execute.bind(guest.qmp)
  guest.qmp.execute = (async (command: never, args: never, signal?: AbortSignal) => {
    const started = performance.now()
    const reply = await execute(command, args, signal)
    if (command === 'transaction') switches.push(performance.now() - started)
    return reply
  }) as typeof guest.qmp.execute
  const writes = ['bench', '-w', '-f', 'raw', '-c', '10000000', '-d', '4', '-s', '4096', guest.urlOf('disk')]
  const writer = spawn('qemu-img', writes, { stdio: 'ignore' })
  const ended = once(writer, 'exit')
  for (let at = 0; at < 5; at++)
    snapshots.push(await timed(() => driver.snapshot([{ snapshot: `s${at}`, volume: 'disk' }])))
  const copy = await timed(() => driver.create('copy', { kind: 'volume', volume: 'disk' }, size))
  writer.kill('SIGKILL')
  await ended
  return { snapshots, switches, copy }
}

/** Reads through one and through many files, and as QEMU alone does it. */
async function chainReads() {
  const count = Number(values.snapshots)
  await driver.create('one', { kind: 'empty' }, 1024 * MiB)
  await driver.create('many', { kind: 'empty' }, 1024 * MiB)
  for (const volume of ['one', 'many']) await write(volume, 'write -P 1 0 256M')
  await driver.snapshot([{ snapshot: 'one-0', volume: 'one' }])
  await write('one', 'write -P 2 0 1M')
  for (let at = 0; at < count; at++) {
    await driver.snapshot([{ snapshot: `many-${at}`, volume: 'many' }])
    await write('many', `write -P 2 ${(at * 5) % 256}M 1M`)
  }
  const [one, many, alone] = [
    await bench(await description('one')),
    await bench(await description('many')),
    await bench(
      `driver=qcow2,file.driver=file,file.filename=${folders.layer('one.1')},file.cache.direct=on,file.aio=io_uring,backing.driver=qcow2,backing.file.driver=file,backing.file.filename=${folders.layer('one')},backing.file.cache.direct=on,backing.file.aio=io_uring`,
    ),
  ]
  return [
    {
      name: `20 000 reads of 4 KiB through ${count} snapshots`,
      value: many,
      unit: 'ms',
      beside: { name: 'through one', value: one },
    },
    {
      name: 'the same through one, opened as we do',
      value: one,
      unit: 'ms',
      beside: { name: 'opened by hand', value: alone },
    },
  ]
}

async function write(volume: string, command: string): Promise<void> {
  const head = (await driver.publish(volume)).files[0]!.path
  await driver.unpublish(volume)
  await run('qemu-io', '-f', 'qcow2', '-n', '-c', command, head)
}

/** How QEMU opens a volume for a guest, as one description. */
async function description(volume: string): Promise<string> {
  const node = await driver.publish(volume)
  await driver.unpublish(volume)
  const byName = new Map(node.blockdevs.map((one) => [one['node-name'], one]))
  const nested = (name: string): Record<string, unknown> => {
    const { 'node-name': _name, ...rest } = byName.get(name)!
    return Object.fromEntries(
      Object.entries(rest).map(([key, value]) => [
        key,
        typeof value === 'string' && byName.has(value) ? nested(value) : value,
      ]),
    )
  }
  return `json:${JSON.stringify(nested(node.nodeName))}`
}

/** Milliseconds that 20 000 scattered reads take. */
async function bench(image: string): Promise<number> {
  const options = image.startsWith('json:') ? [image] : ['--image-opts', image]
  const times: number[] = []
  for (let round = 0; round < 3; round++)
    times.push(
      await timed(() =>
        run('qemu-img', 'bench', '-c', '20000', '-d', '16', '-s', '4096', '-S', String(52 * 1024), ...options),
      ),
    )
  return Math.min(...times)
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await task()
  return performance.now() - started
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await execute(program, args)
  if (code !== 0) throw new Error(stderr)
}
