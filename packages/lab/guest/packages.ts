/** A Debian package and what it is for, as an installer tells the user. */
export interface HostPackage {
  name: string
  why: string
  /** Not needed when this program is on the PATH already. */
  unlessProgram?: string
}

/** What building the guest image needs on the host. Everything else is downloaded and unpacked, not installed. */
export const guestBuildPackages: HostPackage[] = [
  { name: 'qemu-utils', why: 'writes the guest image', unlessProgram: 'qemu-img' },
]

/** A Debian package of which some files are used. */
export interface GuestPackage {
  name: string
  /** The package is named by this one's first dependency that matches: the kernel's name carries its version. */
  via?: { name: string; pattern: RegExp }
  /** Files copied into the guest: path in the package → path in the guest. */
  files?: Record<string, string>
  /** Programs and data that only the build uses. */
  tool?: boolean
}

const library = (...names: string[]) =>
  Object.fromEntries(names.map((path) => [path, `lib/x86_64-linux-gnu/${path.split('/').at(-1)}`]))
const lib = (name: string) => library(`lib/x86_64-linux-gnu/${name}`)
const usrLib = (name: string) => library(`usr/lib/x86_64-linux-gnu/${name}`)

/** All that the guest is made of, and the tools that put it together. */
export const guestPackages: GuestPackage[] = [
  {
    name: 'linux-image-cloud',
    via: { name: 'linux-image-cloud-amd64', pattern: /^linux-image-[0-9].*-cloud-amd64$/ },
  },
  { name: 'busybox-static', files: { 'bin/busybox': 'bin/busybox' } },
  {
    name: 'dropbear-bin',
    files: { 'usr/sbin/dropbear': 'usr/sbin/dropbear', 'usr/bin/dropbearkey': 'usr/bin/dropbearkey' },
  },
  { name: 'qemu-guest-agent', files: { 'usr/sbin/qemu-ga': 'usr/sbin/qemu-ga' } },
  {
    name: 'libc6',
    files: {
      ...lib('libc.so.6'),
      ...lib('libm.so.6'),
      'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': 'lib64/ld-linux-x86-64.so.2',
    },
  },
  { name: 'libtomcrypt1', files: usrLib('libtomcrypt.so.1') },
  { name: 'libtommath1', files: usrLib('libtommath.so.1') },
  { name: 'libgmp10', files: usrLib('libgmp.so.10') },
  { name: 'zlib1g', files: lib('libz.so.1') },
  { name: 'libcrypt1', files: lib('libcrypt.so.1') },
  { name: 'libglib2.0-0', files: { ...usrLib('libglib-2.0.so.0'), ...usrLib('libgmodule-2.0.so.0') } },
  { name: 'libpcre2-8-0', files: usrLib('libpcre2-8.so.0') },
  { name: 'libudev1', files: usrLib('libudev.so.1') },
  { name: 'libnuma1', files: usrLib('libnuma.so.1') },
  { name: 'liburing2', files: usrLib('liburing.so.2') },
  { name: 'e2fsprogs', files: { 'sbin/resize2fs': 'sbin/resize2fs' }, tool: true },
  { name: 'libext2fs2', files: { ...lib('libext2fs.so.2'), ...lib('libe2p.so.2') }, tool: true },
  { name: 'libcom-err2', files: lib('libcom_err.so.2'), tool: true },
  { name: 'libblkid1', tool: true },
  { name: 'libuuid1', tool: true },
  { name: 'dosfstools', tool: true },
  { name: 'mtools', tool: true },
  { name: 'syslinux', tool: true },
  { name: 'syslinux-common', tool: true },
  { name: 'shim-signed', tool: true },
  { name: 'grub-efi-amd64-signed', tool: true },
]
