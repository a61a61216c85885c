import { createHash } from 'node:crypto'
import { blockBytes } from '../format/block.ts'
import type { Manifest } from '../format/manifest.ts'
import { RepositoryKey } from '../format/repository-key.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { BackupWriter, type ManifestHead } from './backup-writer.ts'
import type { Extent } from './block-set.ts'
import { DiskReader } from './disk-reader.ts'
import type { DiskSource } from './disk-source.ts'
import { Repository } from './repository.ts'
import { restoreDisk } from './restore.ts'

export const key = RepositoryKey.generate()

export const repositoryOn = (store: ObjectStore): Promise<Repository> => Repository.ensure(store, key)

/** A disk in memory that notes what is written, as QEMU's dirty bitmaps do. */
export class MemoryDisk implements DiskSource {
  content: Buffer
  #changes: Extent[] = []
  reads = 0

  constructor(bytes: number) {
    this.content = Buffer.alloc(bytes)
  }

  get bytes(): number {
    return this.content.length
  }

  /** Fill a part with what `seed` stands for. */
  write(offset: number, length: number, seed: string): void {
    const noise = createHash('sha256').update(seed).digest()
    for (let at = 0; at < length; at += noise.length)
      noise.copy(this.content, offset + at, 0, Math.min(noise.length, length - at))
    this.#changes.push({ offset, length })
  }

  zero(offset: number, length: number): void {
    this.content.fill(0, offset, offset + length)
    this.#changes.push({ offset, length })
  }

  grow(bytes: number): void {
    this.content = Buffer.concat([this.content, Buffer.alloc(bytes - this.bytes)])
  }

  /** Count changes anew from here. */
  mark(): void {
    this.#changes = []
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.reads++
    return Buffer.from(this.content.subarray(offset, offset + length))
  }

  async *data(): AsyncIterable<Extent> {
    for (let offset = 0; offset < this.bytes; offset += blockBytes)
      if (this.content.subarray(offset, offset + blockBytes).some((byte) => byte !== 0))
        yield { offset, length: blockBytes }
  }

  async *changes(): AsyncIterable<Extent> {
    yield* this.#changes
  }
}

export const head = (change: Partial<ManifestHead> = {}): ManifestHead => ({
  cluster: { uid: 'c1', name: 'here' },
  machine: { namespace: 'default', name: 'web', uid: 'm1' },
  time: '2026-01-31T12:00:00Z',
  frozen: false,
  objects: [],
  ...change,
})

/** Back up one disk as a whole backup. */
export async function backUp(repository: Repository, disk: DiskSource, parent?: Manifest): Promise<Manifest> {
  const writer = await BackupWriter.begin(repository, parent ? { parent: parent.uid } : {})
  await writer.disk({ name: 'root', source: disk })
  return writer.commit(head())
}

/** The content of the first disk of a backup. */
export async function contentOf(repository: Repository, manifest: Manifest): Promise<Buffer> {
  const [disk] = manifest.disks
  const content = Buffer.alloc(disk!.bytes)
  await restoreDisk(new DiskReader(repository, disk!), {
    write: async (offset, part) => void part.copy(content, offset),
  })
  return content
}
