import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../run.ts'
import type { GuestPackage } from './packages.ts'

/** Unpacked packages: package name → folder with its files. */
export type Unpacked = Map<string, string>

const apt = ['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3']

/**
 * Download packages from the host's Debian archive and unpack each into a folder of its own. Nothing is installed. What
 * `cacheDir` holds already is taken from there.
 *
 * @throws {Error} when apt knows no such package or the archive cannot be reached
 */
export async function unpackPackages(
  packages: GuestPackage[],
  cacheDir: string,
  log: (message: string) => void,
): Promise<Unpacked> {
  const trees = join(cacheDir, 'unpacked')
  await mkdir(trees, { recursive: true })
  const missing = packages.filter(({ name }) => !existsSync(join(trees, name)))
  if (missing.length > 0) {
    log(`downloading ${missing.length} Debian packages`)
    const debs = await mkdtemp(join(cacheDir, '.debs-'))
    try {
      await download(missing, debs, trees)
    } finally {
      await rm(debs, { recursive: true, force: true })
    }
  }
  return new Map(packages.map(({ name }) => [name, join(trees, name)]))
}

async function download(packages: GuestPackage[], debs: string, trees: string): Promise<void> {
  const names = await archiveNames(packages)
  await run('apt-get', [...apt, 'download', '--quiet', ...names.values()], { cwd: debs, timeoutMs: 600_000 })
  const files = await readdir(debs)
  for (const { name } of packages) {
    const deb = files.find((file) => file.startsWith(`${names.get(name)}_`) && file.endsWith('.deb'))
    if (!deb) throw new Error(`apt-get downloaded no package ${names.get(name)}`)
    const tree = await mkdtemp(join(trees, '.new-'))
    await run('dpkg-deb', ['--extract', join(debs, deb), tree])
    await rename(tree, join(trees, name)).catch(async (error: NodeJS.ErrnoException) => {
      await rm(tree, { recursive: true })
      // Another build with the same cache was quicker.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  }
}

/** What apt calls each package; apt's lists are fetched when it has none. */
async function archiveNames(packages: GuestPackage[]): Promise<Map<string, string>> {
  const asked = packages.map(({ name, via }) => via?.name ?? name)
  const known = async () => (await run('apt-cache', ['show', '--no-all-versions', ...asked])).length > 0
  await known().catch(async () => {
    await run('apt-get', [...apt, 'update', '--quiet'], { timeoutMs: 300_000 })
    await known()
  })
  const names = new Map<string, string>()
  for (const { name, via } of packages) {
    if (!via) {
      names.set(name, name)
      continue
    }
    const depends = await run('apt-cache', ['depends', via.name])
    const real = depends
      .split('\n')
      .map((line) => line.replace(/^\s*Depends:\s*/, ''))
      .find((line) => via.pattern.test(line))
    if (!real) throw new Error(`${via.name} depends on nothing that matches ${via.pattern.source}`)
    names.set(name, real)
  }
  return names
}
