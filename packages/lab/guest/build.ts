import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { cpioArchive, type CpioEntry } from './cpio.ts'
import { unpackPackages, type Unpacked } from './debian.ts'
import { writeDisk } from './disk.ts'
import { firstModules, insmodOrder, otherDiskModules } from './kernel-modules.ts'
import { guestPackages } from './packages.ts'
import { layOutRoot } from './root-tree.ts'
import { run } from '../run.ts'

/** Where to build, and whom to tell. */
export interface BuildOptions {
  /** Keeps downloads and finished images; may be deleted at any time. */
  cacheDir: string
  /** Called with a few words as each step begins. */
  log?: (message: string) => void
}

/** A finished image. */
export interface GuestImage {
  /** A compressed qcow2 in the cache. */
  path: string
  sizeBytes: number
  /** Of the file, in lower-case hex. */
  sha512: string
}

/**
 * Build a small bootable Linux guest from Debian's packages, or take it from the cache.
 *
 * It boots with BIOS and UEFI, reads a NoCloud seed, gets its addresses by DHCP or as the seed says, and runs an SSH
 * server, a login on the serial port and the QEMU guest agent. Its root file system grows with the disk. The user is
 * `root`; 128 MiB of memory suffice, 256 MiB with UEFI.
 *
 * @throws {Error} when Debian's archive cannot be reached or a tool fails
 */
export async function buildGuestImage({ cacheDir, log = () => {} }: BuildOptions): Promise<GuestImage> {
  const cache = resolve(cacheDir)
  const key = await recipeKey()
  const path = join(cache, `guest-${key}.qcow2`)
  const done = await finishedImage(path)
  if (done) return done

  await mkdir(cache, { recursive: true })
  const unpacked = await unpackPackages(guestPackages, cache, log)
  const work = await mkdtemp(join(cache, '.build-'))
  try {
    await assemble(work, unpacked, log)
    const sha512 = await digest(join(work, 'guest.qcow2'))
    await writeFile(`${path}.sha512`, `${sha512}  ${basename(path)}\n`)
    await rename(join(work, 'guest.qcow2'), path)
    return { path, sizeBytes: (await stat(path)).size, sha512 }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function assemble(work: string, unpacked: Unpacked, log: (message: string) => void): Promise<void> {
  const kernelPackage = unpacked.get('linux-image-cloud')!
  const version = (await readdir(join(kernelPackage, 'lib/modules')))[0]!
  const modules = join(kernelPackage, 'lib/modules', version)

  log('packing the kernel modules')
  await writeFile(
    join(work, 'initrd.gz'),
    await initramfs(join(unpacked.get('busybox-static')!, 'bin/busybox'), modules),
  )

  log('laying out the root file system')
  await layOutRoot(join(work, 'root'), unpacked, modules)

  log('writing the disk')
  const kernel = join(kernelPackage, 'boot', `vmlinuz-${version}`)
  const content = { kernel, initramfs: join(work, 'initrd.gz'), rootTree: join(work, 'root') }
  await writeDisk(join(work, 'disk.raw'), content, unpacked)

  log('compressing the image')
  await run('qemu-img', [
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    '-c',
    '-m',
    '4',
    join(work, 'disk.raw'),
    join(work, 'guest.qcow2'),
  ])
}

/** busybox, the modules that find the disk, and the script that mounts it. */
async function initramfs(busybox: string, modulesFolder: string): Promise<Buffer> {
  const first = await insmodOrder(modulesFolder, firstModules)
  const order = await insmodOrder(modulesFolder, [...firstModules, ...otherDiskModules])
  const list = (paths: string[]) => Buffer.from(paths.map((path) => `${basename(path)}\n`).join(''))
  const folders = ['bin', 'proc', 'sys', 'dev', 'root', 'modules'].map((path): CpioEntry => ({ path, mode: 0o755 }))
  const modules = await Promise.all(
    order.map(async (path): Promise<CpioEntry> => {
      return { path: `modules/${basename(path)}`, mode: 0o644, data: await readFile(path) }
    }),
  )
  const archive = cpioArchive([
    ...folders,
    { path: 'bin/busybox', mode: 0o755, data: await readFile(busybox) },
    { path: 'init', mode: 0o755, data: await readFile(join(import.meta.dirname, 'initramfs/init')) },
    { path: 'modules/first', mode: 0o644, data: list(first) },
    { path: 'modules/other', mode: 0o644, data: list(order.slice(first.length)) },
    ...modules,
  ])
  return gzipSync(archive, { level: 9 })
}

/** Names the recipe by its content: the guest's scripts, the package list and this folder's code. */
async function recipeKey(): Promise<string> {
  const hash = createHash('sha256')
  const files = (await readdir(import.meta.dirname, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  for (const file of files) hash.update(file.slice(import.meta.dirname.length)).update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

async function finishedImage(path: string): Promise<GuestImage | undefined> {
  try {
    const sha512 = (await readFile(`${path}.sha512`, 'utf8')).split(' ')[0]!
    return { path, sizeBytes: (await stat(path)).size, sha512 }
  } catch {
    return undefined
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha512')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, cache: { type: 'string', default: join(tmpdir(), 'thresher-guest') } },
  })
  if (!values.out) {
    console.error('usage: node packages/lab/guest/build.ts --out FILE [--cache FOLDER]')
    process.exit(2)
  }
  const image = await buildGuestImage({ cacheDir: values.cache, log: (message) => console.log(message) })
  await copyFile(image.path, values.out)
  console.log(`${values.out}: ${(image.sizeBytes / 1024 / 1024).toFixed(1)} MiB, sha512 ${image.sha512}`)
}
