import { dirname } from 'node:path'

/** Something of the host that a QEMU sees under the same path. */
export interface ViewEntry {
  path: string
  as: 'read-only' | 'writable' | 'device' | 'empty' | 'processes'
}

/** What every QEMU sees: programs and libraries, the devices that it opens, and of the processes its own. */
export const commonEntries: readonly ViewEntry[] = [
  { path: '/usr', as: 'read-only' },
  { path: '/etc/ld.so.cache', as: 'read-only' },
  { path: '/etc/alternatives', as: 'read-only' },
  { path: '/dev/null', as: 'device' },
  { path: '/dev/zero', as: 'device' },
  { path: '/dev/random', as: 'device' },
  { path: '/dev/urandom', as: 'device' },
  { path: '/dev/kvm', as: 'device' },
  { path: '/dev/net', as: 'device' },
  { path: '/proc', as: 'processes' },
]

/** What one run sees beside {@link commonEntries}. */
export interface RunEntries {
  /** Folders of its own; of the folders above, which hold those of others, it sees nothing else. */
  own: readonly string[]
  /** Folders of volumes and images; what lies in them is for its user or not. */
  writable: readonly string[]
  readOnly: readonly string[]
}

/** All that one run sees, a folder before what lies in it. Pure. */
export function runEntries({ own, writable, readOnly }: RunEntries): ViewEntry[] {
  const entries: ViewEntry[] = [
    ...readOnly.map((path): ViewEntry => ({ path, as: 'read-only' })),
    ...writable.map((path): ViewEntry => ({ path, as: 'writable' })),
    ...[...new Set(own.map(dirname))].map((path): ViewEntry => ({ path, as: 'empty' })),
    ...own.map((path): ViewEntry => ({ path, as: 'writable' })),
  ]
  return entries.toSorted((a, b) => a.path.split('/').length - b.path.split('/').length)
}

const safe = 'nosuid,nodev'

/** How each sort of entry is mounted: source, type and options. */
const mounts: Record<ViewEntry['as'], (path: string) => [source: string, type: string, options: string]> = {
  'read-only': (path) => [path, 'none', `bind,ro,${safe}`],
  writable: (path) => [path, 'none', `bind,noexec,${safe}`],
  device: (path) => [path, 'none', 'bind,nosuid,noexec'],
  empty: () => ['tmpfs', 'tmpfs', `mode=0755,size=64k,noexec,${safe}`],
  // Of others' processes there is nothing to see. @see Documentation/filesystems/proc.rst
  processes: () => ['proc', 'proc', `hidepid=2,subset=pid,noexec,${safe}`],
}

/** The table for `mount --all --fstab` that shows entries below a folder. Pure. @see fstab(5) */
export function viewTable(root: string, entries: readonly ViewEntry[]): string {
  return entries
    .map(({ path, as }) => {
      const [source, type, options] = mounts[as](path)
      return `${[source, `${root}${path}`].map(encoded).join(' ')} ${type} ${options},X-mount.mkdir 0 0\n`
    })
    .join('')
}

function encoded(path: string): string {
  return path.replaceAll(/[\\\s#]/g, (character) => `\\${character.codePointAt(0)!.toString(8).padStart(3, '0')}`)
}
