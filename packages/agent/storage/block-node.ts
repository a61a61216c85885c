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
  layers: [string, ...string[]]
  /** The image's file below them. */
  image?: string
}

/**
 * The block nodes of a chain of qcow2 files: each node names the one below, and the last says that there is none, so
 * that QEMU takes no path from a header.
 *
 * @throws {DriverError} `Invalid` for a node name that QEMU would refuse
 * @see QEMU's QAPI reference, `blockdev-add`
 */
export function blockNode(
  { id, bytes, layers, image }: Chain,
  access: FileAccess,
  options: { nodeName?: string; readOnly?: boolean } = {},
): BlockNode {
  const nodeName = options.nodeName ?? `v${createHash('sha256').update(id).digest('hex').slice(0, 15)}`
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(nodeName))
    throw new DriverError(
      'Invalid',
      `${JSON.stringify(nodeName)} is no node name: at most 20 of a-z, 0-9 and -, a letter first`,
    )
  const names = [nodeName, ...layers.slice(1).map((_, at) => `${nodeName}-b${at + 1}`)]
  const imageName = image === undefined ? undefined : `${nodeName}-b${layers.length}`
  const blockdevs = layers.flatMap((path, depth) => {
    const below = names[depth + 1] ?? imageName ?? null
    return layerNodes(path, names[depth]!, below, access, depth > 0 ? 'frozen' : options.readOnly ? 'read' : 'write')
  })
  if (image !== undefined && imageName !== undefined)
    blockdevs.push(...layerNodes(image, imageName, null, access, 'read'))
  return {
    nodeName,
    blockdevs: blockdevs.toReversed(),
    files: [...layers, ...(image === undefined ? [] : [image])].map((path, depth) => ({
      path,
      access: depth > 0 || options.readOnly ? 'read' : 'write',
    })),
    bytes,
  }
}

/**
 * How a file is opened: `write` by the guest, `read` by no writer ever, `frozen` as one that the guest does not write, but that QEMU
 * may when it is asked to merge it with its neighbour.
 */
export type LayerAccess = 'write' | 'read' | 'frozen'

/** The two nodes of one file, the upper first. @param below the node that it stands on */
export function layerNodes(
  path: string,
  name: string,
  below: string | null,
  access: FileAccess,
  how: LayerAccess,
): BlockdevOptions[] {
  const readOnly = how !== 'write'
  const discard = how === 'read' ? {} : { discard: 'unmap' }
  return [
    { driver: 'qcow2', 'node-name': name, 'read-only': readOnly, ...discard, file: `${name}-file`, backing: below },
    {
      driver: 'file',
      'node-name': `${name}-file`,
      // QEMU opens it for writing when a merge begins, and for reading again at its end.
      ...(how === 'frozen' ? { 'read-only': false, 'auto-read-only': true } : { 'read-only': readOnly }),
      ...discard,
      filename: path,
      locking: 'on',
      ...(how === 'read' ? buffered(access) : { aio: access.aio, cache: { direct: access.direct } }),
    },
  ]
}

/** An image serves many guests, so the page cache keeps one copy for all of them. Linux AIO cannot do that. */
function buffered({ aio }: FileAccess) {
  return { aio: aio === 'native' ? 'threads' : aio, cache: { direct: false } }
}
