/** Bytes by which a form of file is known. */
export interface Mark {
  /** From the beginning, or from the end where it is negative. */
  at: number
  bytes: Buffer
}

const text = (at: number, value: string): Mark => ({ at, bytes: Buffer.from(value, 'latin1') })
const hex = (at: number, value: string): Mark => ({ at, bytes: Buffer.from(value, 'hex') })

/** The forms of disk images that are taken, by the name qemu-img knows them. An ISO image is `raw`. */
export type ImageFormat = 'raw' | 'qcow2' | 'vmdk' | 'vdi' | 'vhdx' | 'vpc'

export const formats: readonly (readonly [ImageFormat, Mark])[] = [
  ['qcow2', text(0, 'QFI\xfb')],
  ['vmdk', text(0, 'KDMV')],
  ['vdi', hex(0x40, '7f10dabe')],
  ['vhdx', text(0, 'vhdxfile')],
  ['vpc', text(0, 'conectix')],
  // A fixed VHD is a raw disk with a footer.
  ['vpc', text(-512, 'conectix')],
]

/** What a disk image may be wrapped in. */
export type Wrapping = 'gzip' | 'xz' | 'zstd' | 'bzip2' | 'tar'

export const wrappings: readonly (readonly [Wrapping, Mark])[] = [
  ['gzip', hex(0, '1f8b08')],
  ['xz', hex(0, 'fd377a585a00')],
  ['zstd', hex(0, '28b52ffd')],
  ['bzip2', text(0, 'BZh')],
  ['tar', text(257, 'ustar')],
]

/** What marks a raw disk: a boot sector, a partition table, or a file system or volume on the bare disk. */
export const rawMarks: readonly Mark[] = [
  hex(510, '55aa'),
  text(512, 'EFI PART'),
  text(4096, 'EFI PART'),
  text(0x8001, 'CD001'),
  hex(0x438, '53ef'),
  text(0, 'XFSB'),
  text(0x1_0040, '_BHRfS_M'),
  text(0, 'hsqs'),
  hex(0x400, 'e2e1f5e0'),
  text(0, 'LUKS\xba\xbe'),
  text(512, 'LABELONE'),
  text(0, 'LABELONE'),
  text(4086, 'SWAPSPACE2'),
  text(0x1_0034, 'ReIsEr'),
]

/** What is not taken, and what to say of it. The first that shows counts. */
export const refusals: readonly (readonly [Mark, string])[] = [
  [
    text(0, '# Disk DescriptorFile'),
    'is a VMDK description that names other files; give one sparse or streamOptimized VMDK',
  ],
  [text(0, 'COWD'), 'is a VMDK of an old form; convert it to qcow2 first'],
  [text(0, 'QED\0'), 'is a QED image; convert it to qcow2 first'],
  [text(0, 'WithoutFreeSpace'), 'is a Parallels image; convert it to qcow2 first'],
  [text(0, 'WithouFreSpacExt'), 'is a Parallels image; convert it to qcow2 first'],
  [text(-512, 'koly'), 'is an Apple disk image (DMG); convert it to qcow2 first'],
  [text(0, 'MSWIM\0\0\0'), 'is a Windows image file (WIM), which is no disk; give a disk image or an ISO'],
  [hex(0, '455646090d0aff00'), 'is an EnCase image; convert it to raw first'],
  [text(0, 'PK\x03\x04'), 'is a ZIP archive; give the disk image in it'],
  [hex(0, '377abcaf271c'), 'is a 7-Zip archive; give the disk image in it'],
  [text(0, 'Rar!\x1a\x07'), 'is a RAR archive; give the disk image in it'],
  [hex(0, '04224d18'), 'is compressed with lz4; give it unpacked, or packed with gzip, xz, zstd or bzip2'],
  [hex(0, '5d00008000'), 'is compressed with lzma; give it unpacked, or packed with gzip, xz, zstd or bzip2'],
  [text(0, 'LZIP'), 'is compressed with lzip; give it unpacked, or packed with gzip, xz, zstd or bzip2'],
  [hex(0, '1f9d'), 'is compressed with compress; give it unpacked, or packed with gzip, xz, zstd or bzip2'],
  [hex(0, '1f8b'), 'is gzip of an unknown method; give it unpacked'],
  [hex(0, '894c5a4f000d0a1a0a'), 'is compressed with lzop; give it unpacked, or packed with gzip, xz, zstd or bzip2'],
  [text(0, 'MSCF'), 'is a cabinet archive; give the disk image in it'],
  [text(0, '!<arch>\n'), 'is a package, not a disk image; check the address'],
  [text(0, '\x7fELF'), 'is a program, not a disk image; check the address'],
  [text(0, 'MZ'), 'is a program, not a disk image; check the address'],
  [text(0, '%PDF'), 'is a PDF, not a disk image; check the address'],
  [text(0, '\x89PNG'), 'is a picture, not a disk image; check the address'],
  [hex(0, 'ffd8ff'), 'is a picture, not a disk image; check the address'],
]

/** Text that is told apart, by how it begins after white space. The first that fits counts. */
export const texts: readonly (readonly [RegExp, string])[] = [
  [/^<(!doctype\s+html|html|head|body)/i, 'is a web page, not a disk image; check the address'],
  [/^<\?xml[^]*<Error>|^<Error>/i, 'is an error message of an object store, not a disk image; check the address'],
  [/^<[^>]*[^]*<(ovf:)?Envelope/i, 'is the description (OVF) of a machine; give its disk, or the whole OVA'],
  [/^</, 'is XML, not a disk image; check the address'],
  [/^[[{]/, 'is JSON, not a disk image, perhaps an error message; check the address'],
  [/^version https:\/\/git-lfs/, 'is a pointer of git-lfs, not the file itself; give the address of the file'],
  [/^[0-9a-f]{32,128} [ *]\S|^SHA\d+ \(/i, 'is a list of checksums, not a disk image; check the address'],
  [/^-----BEGIN/, 'is a key or a signature, not a disk image; check the address'],
  [/^#!/, 'is a script, not a disk image; check the address'],
  [/^/, 'is text, not a disk image; check the address'],
]
