import type { Extent } from './block-set.ts'

/** A disk as it was at one instant, to be backed up. */
export interface DiskSource {
  readonly bytes: number
  /** Exactly `length` bytes from `offset`. */
  read(offset: number, length: number): Promise<Buffer>
  /** The parts that may hold something; what is in none of them reads as zeros. */
  data(): AsyncIterable<Extent>
  /** The parts that were written since the parent; undefined where that is not known. */
  changes?(): AsyncIterable<Extent>
}
