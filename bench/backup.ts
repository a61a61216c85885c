/**
 * A disk of 1 GiB with 718 MiB of data brought to a bucket, an increment of 5 % in scattered places, a restore; beside borg on the
 * same data, where it is installed, and beside reading, hashing and compressing the data with nothing else.
 *
 *     node bench/backup.ts [--mib 1024]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync, ftruncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { constants, zstdCompressSync } from 'node:zlib'
import { ExportSource } from '@thresher/agent/backup/export-source'
import { S3Bucket, type S3Settings } from '@thresher/backup/objects/s3'
import type { Manifest } from '@thresher/backup/format/manifest'
import { RepositoryKey } from '@thresher/backup/format/repository-key'
import { BackupWriter } from '@thresher/backup/repository/backup-writer'
import { DiskReader } from '@thresher/backup/repository/disk-reader'
import { Repository } from '@thresher/backup/repository/repository'
import { restoreDisk } from '@thresher/backup/repository/restore'
import { printFigures } from './figures.ts'

const MiB = 1024 * 1024
const { values } = parseArgs({ options: { mib: { type: 'string', default: '1024' } } })
const diskMiB = Number(values.mib)
const dataMiB = Math.floor(diskMiB * 0.7)
const folder = mkdtempSync(join(tmpdir(), 'thresher-bench-'))
const [base, top] = [join(folder, 'base.qcow2'), join(folder, 'top.qcow2')]

/** Data that packs to about two fifths, as a system's disk does; no two MiB alike. */
function content(): Buffer {
  const text = Buffer.from(randomBytes(300 * 1024).toString('base64'))
  const part = Buffer.alloc(MiB)
  text.copy(part)
  randomBytes(64 * 1024).copy(part, 512 * 1024)
  return part
}

function makeDisk(): void {
  const raw = join(folder, 'disk.raw')
  const file = openSync(raw, 'w')
  ftruncateSync(file, diskMiB * MiB)
  for (let at = 0; at < dataMiB; at++) writeSync(file, content(), 0, MiB, at * MiB)
  closeSync(file)
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=128k,extended_l2=on', raw, base])
  execFileSync('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-o',
    'cluster_size=128k,extended_l2=on',
    '-b',
    base,
    '-F',
    'qcow2',
    top,
  ])
  const writes = Array.from({ length: Math.floor((diskMiB * 0.05 * MiB) / (256 * 1024)) }, () => {
    const at = Math.floor(Math.random() * dataMiB * 4) * 256
    return ['-c', `write -P ${1 + Math.floor(Math.random() * 200)} ${at}k 256k`]
  })
  execFileSync('qemu-io', ['-f', 'qcow2', ...writes.flat(), top], { stdio: 'ignore' })
}

async function serve(file: string): Promise<{ socket: string; child: ChildProcess }> {
  const socket = join(folder, `${randomBytes(4).toString('hex')}.nbd`)
  const blockdev = { driver: 'qcow2', 'node-name': 'd', 'read-only': true, file: { driver: 'file', filename: file } }
  const child = spawn('qemu-storage-daemon', [
    '--blockdev',
    JSON.stringify(blockdev),
    '--nbd-server',
    `addr.type=unix,addr.path=${socket}`,
    '--export',
    'type=nbd,id=e,node-name=d,name=disk,allocation-depth=on',
  ])
  while (!existsSync(socket)) await sleep(5)
  return { socket, child }
}

interface Cost {
  seconds: number
  cpuSeconds: number
}

async function measured<T>(work: () => Promise<T>): Promise<Cost & { result: T }> {
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { result, seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
}

async function backUp(repository: Repository, file: string, parent?: Manifest): Promise<Manifest> {
  const { socket, child } = await serve(file)
  try {
    const source = await ExportSource.connect(socket, 'disk', parent ? 1 : undefined)
    const writer = await BackupWriter.begin(repository, parent ? { parent: parent.uid } : {})
    await writer.disk({ name: 'root', source })
    source.close()
    return await writer.commit({
      cluster: { uid: 'c', name: 'c' },
      machine: { namespace: 'n', name: 'm', uid: 'u' },
      time: new Date().toISOString(),
      frozen: false,
      objects: [],
    })
  } finally {
    child.kill()
  }
}

/** Read, hash and compress, and nothing else: what no backup can do without. */
function floor(): number {
  const file = openSync(join(folder, 'disk.raw'), 'r')
  const part = Buffer.alloc(2 * MiB)
  const cpu = process.cpuUsage()
  for (let at = 0; at < dataMiB; at += 2) {
    readSync(file, part, 0, part.length, at * MiB)
    createHash('sha256').update(part).digest()
    zstdCompressSync(part, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  }
  closeSync(file)
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / 1e6
}

function borg(): { seconds: number } | undefined {
  const env = { ...process.env, BORG_PASSPHRASE: 'bench', BORG_BASE_DIR: folder }
  const repository = join(folder, 'borg')
  try {
    execFileSync('borg', ['init', '-e', 'repokey', repository], { env, stdio: 'ignore' })
  } catch {
    return undefined
  }
  const started = performance.now()
  const options = ['--chunker-params', 'fixed,2097152', '--compression', 'zstd,1']
  execFileSync('borg', ['create', ...options, `${repository}::a`, join(folder, 'disk.raw')], { env, stdio: 'ignore' })
  return { seconds: (performance.now() - started) / 1000 }
}

/** A server of S3 as a process of its own, so that what it uses is not counted. */
async function startServer(): Promise<{ child: ChildProcess; settings: S3Settings }> {
  const program = `import { startLocalS3 } from '@thresher/backup/objects/s3-testing'
    const { settings } = await startLocalS3()
    process.send(settings)`
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], cwd: import.meta.dirname },
  )
  const [settings] = (await once(child, 'message')) as [S3Settings]
  return { child, settings }
}

makeDisk()
const s3 = await startServer()
const repository = await Repository.ensure(new S3Bucket(s3.settings, 'bench'), RepositoryKey.generate())
const full = await measured(() => backUp(repository, base))
const increment = await measured(() => backUp(repository, top, full.result))
let restored = 0
const back = await measured(() =>
  restoreDisk(new DiskReader(repository, increment.result.disks[0]!), {
    write: async (_, part) => void (restored += part.length),
  }),
)
const least = floor()
const peer = borg()
const beside = (value: number | undefined) =>
  value === undefined ? {} : { beside: { name: 'borg, to a folder', value } }
printFigures([
  { name: 'full backup', value: full.seconds, unit: 's', limit: 4.3, ...beside(peer?.seconds) },
  {
    name: 'full backup, CPU',
    value: full.cpuSeconds,
    unit: 's',
    beside: { name: 'reading, hashing, compressing alone', value: least },
  },
  { name: 'full backup, sent', value: full.result.cost.sentBytes / MiB, unit: 'MiB' },
  { name: 'increment of 5 %', value: increment.seconds, unit: 's', limit: 1 },
  { name: 'increment, read', value: increment.result.cost.readBytes / MiB, unit: 'MiB' },
  { name: 'increment, sent', value: increment.result.cost.sentBytes / MiB, unit: 'MiB' },
  { name: `restore of ${(restored / MiB).toFixed(0)} MiB`, value: back.seconds, unit: 's' },
  { name: 'largest memory', value: process.resourceUsage().maxRSS / 1024, unit: 'MiB', limit: 250 },
])
s3.child.kill()
rmSync(folder, { recursive: true, force: true })
