import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The disk on which the root file system nearly always is. */
export const firstModules = ['virtio_pci', 'virtio_blk']

/** Other disks, tried when the root file system is not found: each module costs some 20 ms without KVM. */
export const otherDiskModules = ['virtio_scsi', 'sd_mod', 'ata_piix']

/** Loaded before the guest is ready. */
export const bootModules = ['virtio_net', 'virtio_console', 'virtio_rng', 'virtio_balloon', 'button', 'evdev', 'isofs']

/** Loaded some seconds later, or when the seed is on a FAT disk. */
export const laterModules = [
  'vfat',
  'nls_ascii',
  'nls_cp437',
  'nls_utf8',
  'virtio_scsi',
  'sd_mod',
  'sr_mod',
  'qemu_fw_cfg',
  'virtio_mem',
  '8021q',
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
