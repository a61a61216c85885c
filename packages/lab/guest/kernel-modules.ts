import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Modules without which the root file system cannot be found. */
export const rootModules = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ata_piix']

/** Modules loaded once the root file system is there. */
export const laterModules = [
  'virtio_net',
  'virtio_console',
  'virtio_rng',
  'virtio_balloon',
  'isofs',
  'vfat',
  'nls_ascii',
  'nls_cp437',
  'nls_utf8',
  'button',
  'evdev',
  'sr_mod',
  'qemu_fw_cfg',
  '8021q',
  'virtio_mem',
]

/**
 * The files to `insmod`, in order: each module after those it depends on, none twice.
 *
 * @param folder `lib/modules/<version>` of an unpacked kernel package
 * @param wanted module names; one that the kernel has built in is left out
 * @returns absolute paths of `.ko` files
 */
export async function insmodOrder(folder: string, wanted: string[]): Promise<string[]> {
  const paths = await readdir(join(folder, 'kernel'), { recursive: true })
  const files = new Map(paths.filter((path) => path.endsWith('.ko')).map((path) => [moduleName(path), path]))
  const order: string[] = []
  const visit = async (name: string): Promise<void> => {
    const path = files.get(name)
    if (!path) return
    const file = join(folder, 'kernel', path)
    if (order.includes(file)) return
    for (const dependency of dependenciesOf(await readFile(file))) await visit(dependency)
    order.push(file)
  }
  for (const name of wanted) await visit(name)
  return order
}

/** `kernel/drivers/char/hw_random/virtio-rng.ko` → `virtio_rng`, as the kernel calls it. */
function moduleName(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.ko$/, '').replaceAll('-', '_')
}

/** A module names what it needs in its `.modinfo` section: `depends=a,b`. @see scripts/mod/modpost.c of the kernel */
function dependenciesOf(module: Buffer): string[] {
  const text = module.toString('latin1')
  const list = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? ''
  return list.split(',').filter(Boolean).map(moduleName)
}
