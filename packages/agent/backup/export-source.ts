import type { DiskSource } from '@thresher/backup/repository/disk-source'
import type { Extent } from '@thresher/backup/repository/block-set'
import { NbdClient } from './nbd-client.ts'

/** What is data and what reads as zeros; flags of NBD. */
export const allocation = 'base:allocation'
const zeroFlag = 0b10
/** In which file of the chain a part lies: 1 is the topmost, 0 none. */
export const depth = 'qemu:allocation-depth'

/** A chain of files that an NBD server of QEMU exports, to be backed up. */
export class ExportSource implements DiskSource {
  readonly bytes: number
  readonly #client: NbdClient
  /** Files of the chain that are newer than the parent; undefined where all has to be read. */
  readonly #newer: number | undefined
  readonly changes?: () => AsyncIterable<Extent>

  private constructor(client: NbdClient, newer: number | undefined) {
    this.#client = client
    this.bytes = client.bytes
    this.#newer = newer
    if (newer !== undefined) this.changes = () => this.#changes()
  }

  static async connect(path: string, name: string, newer: number | undefined): Promise<ExportSource> {
    return new ExportSource(await NbdClient.connect(path, name, [allocation, depth]), newer)
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#client.read(offset, length)
  }

  async *data(): AsyncIterable<Extent> {
    for await (const { value, ...extent } of this.#client.status(allocation)) if ((value & zeroFlag) === 0) yield extent
  }

  async *#changes(): AsyncIterable<Extent> {
    for await (const { value, ...extent } of this.#client.status(depth))
      if (value > 0 && value <= this.#newer!) yield extent
  }

  close(): void {
    this.#client.close()
  }
}
