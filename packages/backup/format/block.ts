/** Bytes of a block: where changes are scattered, half of this costs less traffic but twice the requests. */
export const blockBytes = 2 * 1024 * 1024
const idBytes = 32
const writerBytes = 16
export const entryBytes = idBytes + writerBytes
/** Entries of one segment of a disk's index: 8 GiB of disk in 192 KiB. */
export const segmentEntries = 4096

/**
 * One copy of a block: the name of its content, and who wrote this copy.
 *
 * A copy's key is never used again, which is what lets copies be deleted without asking those who write: they make their own.
 */
export interface BlockRef {
  /** HMAC-SHA-256 of the content. */
  id: Buffer
  /** The 16 bytes of the writer's UUID. */
  writer: Buffer
}

/** Where the blocks' keys begin. */
export const blocksPrefix = 'blocks/'

/** Blocks stand in 256 folders, by the first byte of their name. */
export function blockKey({ id, writer }: BlockRef): string {
  const name = id.toString('hex')
  return `${blocksPrefix}${name.slice(0, 2)}/${name}.${writer.toString('hex')}`
}

/** @returns undefined where it is not the key of a block */
export function parseBlockKey(key: string): BlockRef | undefined {
  const [, id, writer] = /^blocks\/[0-9a-f]{2}\/([0-9a-f]{64})\.([0-9a-f]{32})$/.exec(key) ?? []
  return id && writer ? { id: Buffer.from(id, 'hex'), writer: Buffer.from(writer, 'hex') } : undefined
}

/** Entry `index` of a segment; undefined for a block of zeros, which is not kept. */
export function readEntry(segment: Buffer, index: number): BlockRef | undefined {
  const entry = segment.subarray(index * entryBytes, (index + 1) * entryBytes)
  if (entry.every((byte) => byte === 0)) return undefined
  return { id: entry.subarray(0, idBytes), writer: entry.subarray(idBytes) }
}

/** The entries of a segment, without those of zeros. */
export function* entriesOf(segment: Buffer): Iterable<{ index: number; ref: BlockRef }> {
  for (let index = 0; (index + 1) * entryBytes <= segment.length; index++) {
    const ref = readEntry(segment, index)
    if (ref) yield { index, ref }
  }
}

/** Set entry `index`; one of a new segment is that of zeros. */
export function writeEntry(segment: Buffer, index: number, { id, writer }: BlockRef): void {
  id.copy(segment, index * entryBytes)
  writer.copy(segment, index * entryBytes + idBytes)
}

const zeros = Buffer.alloc(blockBytes)

/** Whether a block has nothing but zeros. */
export function isZero(block: Buffer): boolean {
  return block.equals(block.length === blockBytes ? zeros : zeros.subarray(0, block.length))
}
