import { blockBytes } from '../format/block.ts'
import type { DiskReader } from './disk-reader.ts'
import { inLanes, range } from './lanes.ts'

export interface DiskSink {
  write(offset: number, content: Buffer): Promise<void>
}

/**
 * Write a disk of a backup to where all is zeros so far.
 *
 * @throws {DamagedError} naming the first block that is not whole; what was written until then stays
 */
export async function restoreDisk(
  reader: DiskReader,
  sink: DiskSink,
  options: { signal?: AbortSignal; onProgress?: (doneBytes: number) => void } = {},
): Promise<void> {
  const { signal, onProgress } = options
  await inLanes(range(0, reader.blocks), async (block) => {
    signal?.throwIfAborted()
    const content = await reader.block(block)
    if (content) await sink.write(block * blockBytes, content)
    onProgress?.(Math.min(reader.bytes, (block + 1) * blockBytes))
  })
}
