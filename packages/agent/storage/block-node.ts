import { createHash } from 'node:crypto'
import { DriverError, type BlockdevOptions, type BlockNode, type VolumeId } from './volume-driver.ts'

/** How files are best opened on this host's file system. */
export interface FileAccess {
  /** Past the page cache; the guest has its own. */
  direct: boolean
  aio: 'io_uring' | 'native' | 'threads'
}

/** A volume's files, the writable one first, each backed by the next. */
export interface Chain {
  id: VolumeId
  bytes: number
  paths: [string, ...string[]]
}

/**
 * The block nodes of a chain of qcow2 files: each node names the one below, and the last says that there is none, so
 * that QEMU takes no path from a header.
 *
 * @throws {DriverError} `Invalid` for a node name that QEMU would refuse
 * @see QEMU's QAPI reference, `blockdev-add`
 */
export function blockNode(
  { id, bytes, paths }: Chain,
  access: FileAccess,
  options: { nodeName?: string; readOnly?: boolean } = {},
): BlockNode {
  const nodeName = options.nodeName ?? `v${createHash('sha256').update(id).digest('hex').slice(0, 15)}`
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(nodeName))
    throw new DriverError(
      'Invalid',
      `${JSON.stringify(nodeName)} is no node name: at most 20 of a-z, 0-9 and -, a letter first`,
    )
  const blockdevs = paths.flatMap((path, depth): BlockdevOptions[] => {
    const name = depth === 0 ? nodeName : `${nodeName}-b${depth}`
    const readOnly = depth > 0 || options.readOnly === true
    const discard = readOnly ? {} : { discard: 'unmap' }
    return [
      {
        driver: 'qcow2',
        'node-name': name,
        'read-only': readOnly,
        ...discard,
        file: `${name}-file`,
        backing: depth + 1 < paths.length ? `${nodeName}-b${depth + 1}` : null,
      },
      {
        driver: 'file',
        'node-name': `${name}-file`,
        'read-only': readOnly,
        ...discard,
        filename: path,
        locking: 'on',
        ...(depth > 0 ? buffered(access) : { aio: access.aio, cache: { direct: access.direct } }),
      },
    ]
  })
  return {
    nodeName,
    blockdevs: blockdevs.toReversed(),
    files: paths.map((path, depth) => ({ path, access: depth > 0 || options.readOnly ? 'read' : 'write' })),
    bytes,
  }
}

/** An image serves many guests, so the page cache keeps one copy for all of them. Linux AIO cannot do that. */
function buffered({ aio }: FileAccess) {
  return { aio: aio === 'native' ? 'threads' : aio, cache: { direct: false } }
}
