import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Unpacked } from './debian.ts'
import { run } from '../run.ts'

const MiB = 1024 * 1024
const sector = 512

/** Where things lie on the disk, in bytes. The root file system is last, so that it can grow with the disk. */
const layout = { boot: { start: MiB, bytes: 32 * MiB }, root: { start: 33 * MiB, bytes: 127 * MiB } }

/** Label of the root file system, by which the initramfs finds it. */
const rootLabel = 'guestroot'

/**
 * `net.ifnames=0`: cards are eth0, eth1, … in the order of their slots. The others save start-up time or memory.
 * A serial console comes last, so that it is /dev/console.
 */
const kernelCommandLine =
  'console=tty0 console=ttyS0,115200 quiet loglevel=3 net.ifnames=0 no_timer_check mitigations=off swiotlb=noforce'

/** What goes onto the disk. */
export interface DiskContent {
  kernel: string
  initramfs: string
  /** Folder whose content becomes the root file system. */
  rootTree: string
}

/** Write a raw disk that boots with BIOS (syslinux) and UEFI (shim and GRUB, as Debian signed them). */
export async function writeDisk(path: string, content: DiskContent, unpacked: Unpacked): Promise<void> {
  const size = layout.root.start + layout.root.bytes
  const disk = await open(path, 'w')
  try {
    await disk.truncate(size)
    await disk.write(await masterBootRecord(unpacked), 0, sector, 0)
  } finally {
    await disk.close()
  }
  await writeRoot(path, content.rootTree, unpacked)
  await writeBoot(path, content, unpacked)
}

/** Boot code of syslinux, one bootable EFI partition with FAT, one Linux partition. */
async function masterBootRecord(unpacked: Unpacked): Promise<Buffer> {
  const record = Buffer.alloc(sector)
  const code = await readFile(join(unpacked.get('syslinux-common')!, 'usr/lib/syslinux/mbr/mbr.bin'))
  code.copy(record, 0, 0, 440)
  record.writeUInt32LE(0x54485253, 440)
  const partition = (index: number, flag: number, type: number, { start, bytes }: typeof layout.boot) => {
    const at = 446 + 16 * index
    record.writeUInt8(flag, at)
    record.write('feffff', at + 1, 'hex')
    record.writeUInt8(type, at + 4)
    record.write('feffff', at + 5, 'hex')
    record.writeUInt32LE(start / sector, at + 8)
    record.writeUInt32LE(bytes / sector, at + 12)
  }
  partition(0, 0x80, 0xef, layout.boot)
  partition(1, 0x00, 0x83, layout.root)
  record.writeUInt16LE(0xaa55, 510)
  return record
}

async function writeRoot(disk: string, tree: string, unpacked: Unpacked): Promise<void> {
  const libraries = ['libext2fs2', 'libcom-err2', 'libblkid1', 'libuuid1'].flatMap((name) => [
    join(unpacked.get(name)!, 'lib/x86_64-linux-gnu'),
    join(unpacked.get(name)!, 'usr/lib/x86_64-linux-gnu'),
  ])
  const options = [
    '-q',
    '-F',
    '-L',
    rootLabel,
    '-d',
    tree,
    '-m',
    '0',
    '-E',
    `offset=${layout.root.start},root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1`,
    '-O',
    '^metadata_csum,^64bit',
    '-J',
    'size=4',
  ]
  await run(join(unpacked.get('e2fsprogs')!, 'sbin/mkfs.ext4'), [...options, disk, `${layout.root.bytes / 1024}k`], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
  })
}

async function writeBoot(disk: string, content: DiskContent, unpacked: Unpacked): Promise<void> {
  const work = `${disk}.boot`
  await mkdir(work, { recursive: true })
  const syslinuxConfig = join(work, 'syslinux.cfg')
  const grubConfig = join(work, 'grub.cfg')
  await writeFile(
    syslinuxConfig,
    `DEFAULT guest\nPROMPT 0\nTIMEOUT 0\nLABEL guest\n  KERNEL /vmlinuz\n  INITRD /initrd.gz\n  APPEND ${kernelCommandLine}\n`,
  )
  // Debian's GRUB reads /EFI/debian/grub.cfg. A search for /vmlinuz could find another disk of the guest.
  await writeFile(
    grubConfig,
    `set timeout=0\nsearch --no-floppy --set=root --file /syslinux/syslinux.cfg\nlinux /vmlinuz ${kernelCommandLine}\ninitrd /initrd.gz\nboot\n`,
  )
  const shim = join(unpacked.get('shim-signed')!, 'usr/lib/shim')
  const grub = join(unpacked.get('grub-efi-amd64-signed')!, 'usr/lib/grub/x86_64-efi-signed')
  const mtools = join(unpacked.get('mtools')!, 'usr/bin')
  const env = { ...process.env, PATH: `${mtools}:${process.env['PATH'] ?? ''}`, MTOOLS_SKIP_CHECK: '1' }
  const image = `${disk}@@${layout.boot.start}`
  await run(
    join(unpacked.get('dosfstools')!, 'sbin/mkfs.fat'),
    [
      '-F',
      '16',
      '-n',
      'BOOT',
      '-i',
      '54485253',
      '-h',
      String(layout.boot.start / sector),
      '--offset',
      String(layout.boot.start / sector),
      disk,
      String(layout.boot.bytes / 1024),
    ],
    { env },
  )
  await run(
    join(mtools, 'mtools'),
    ['-c', 'mmd', '-i', image, '::/EFI', '::/EFI/BOOT', '::/EFI/debian', '::/syslinux'],
    { env },
  )
  const files: [string, string][] = [
    [content.kernel, '/vmlinuz'],
    [content.initramfs, '/initrd.gz'],
    [syslinuxConfig, '/syslinux/syslinux.cfg'],
    [join(shim, 'shimx64.efi.signed'), '/EFI/BOOT/BOOTX64.EFI'],
    [join(grub, 'grubx64.efi.signed'), '/EFI/BOOT/grubx64.efi'],
    [grubConfig, '/EFI/debian/grub.cfg'],
  ]
  for (const [from, to] of files)
    await run(join(mtools, 'mtools'), ['-c', 'mcopy', '-i', image, from, `::${to}`], { env })
  await run(
    join(unpacked.get('syslinux')!, 'usr/bin/syslinux'),
    ['--offset', String(layout.boot.start), '--directory', '/syslinux', '--install', disk],
    { env },
  )
}
