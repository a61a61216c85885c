import { chmod, copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Unpacked } from './debian.ts'
import { bootModules, insmodOrder, laterModules } from './kernel-modules.ts'
import { guestPackages } from './packages.ts'
import { run } from '../run.ts'

const folders = [
  'bin',
  'sbin',
  'usr/bin',
  'usr/sbin',
  'lib/guest-modules',
  'etc/dropbear',
  'proc',
  'sys',
  'dev',
  'run',
  'tmp',
  'root',
  'home',
  'mnt',
  'var/log',
  'var/lib/guest',
  'var/run',
]

/** Lay out the guest's root file system below `tree`. */
export async function layOutRoot(tree: string, unpacked: Unpacked, modulesFolder: string): Promise<void> {
  for (const folder of folders) await mkdir(join(tree, folder), { recursive: true })
  for (const { name, files = {} } of guestPackages) {
    for (const [from, to] of Object.entries(files)) {
      await mkdir(dirname(join(tree, to)), { recursive: true })
      await copyFile(join(unpacked.get(name)!, from), join(tree, to))
      await chmod(join(tree, to), 0o755)
    }
  }
  await cp(join(import.meta.dirname, 'rootfs'), tree, { recursive: true })
  await linkApplets(tree)
  await copyModules(modulesFolder, join(tree, 'lib/guest-modules'))
  for (const [path, mode] of modes) await chmod(join(tree, path), mode)
}

/** The modules, and in which order to load them: `boot` at once, `later` when there is time. */
async function copyModules(from: string, to: string): Promise<void> {
  const boot = await insmodOrder(from, bootModules)
  const all = await insmodOrder(from, [...bootModules, ...laterModules])
  for (const module of all) await copyFile(module, join(to, basename(module)))
  const list = (paths: string[]) => paths.map((path) => `${basename(path)}\n`).join('')
  await writeFile(join(to, 'boot'), list(boot))
  await writeFile(join(to, 'later'), list(all.slice(boot.length)))
}

/** What git does not keep, and what ssh insists on. */
const modes: [string, number][] = [
  ['etc/shadow', 0o600],
  ['root', 0o700],
  ['tmp', 0o1777],
]

/** A link per program that busybox has; init and its like also where the kernel looks for them. */
async function linkApplets(tree: string): Promise<void> {
  const names = (await run(join(tree, 'bin/busybox'), ['--list'])).split('\n').filter(Boolean)
  const skip = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  }
  for (const name of names) {
    if (name !== 'busybox') await symlink('busybox', join(tree, 'bin', name)).catch(skip)
  }
  for (const name of ['init', 'getty', 'poweroff', 'reboot', 'halt']) {
    await symlink('../bin/busybox', join(tree, 'sbin', name)).catch(skip)
  }
}
