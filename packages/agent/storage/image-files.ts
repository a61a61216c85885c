import { constants } from 'node:fs'
import { chown, mkdir, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isOpenByQemu } from './file-locks.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { parseBacking } from './layer-id.ts'
import type { FileOwner, StorageFolders } from './storage-folders.ts'
import { DriverError, type ImageId, type VolumeId } from './volume-driver.ts'

const copyMark = '.copy-'

/** The finished images of this host, and the folders of unfinished imports. */
export class ImageFiles {
  readonly folders: StorageFolders
  readonly #owner: FileOwner | undefined

  /** @param owner the user QEMU runs as: it may read images, not change them */
  constructor(folders: StorageFolders, owner?: FileOwner) {
    this.folders = folders
    this.#owner = owner
  }

  /** @throws {DriverError} `NoSpace` when so many bytes are not free */
  async checkRoom(bytes: number, subject: string): Promise<void> {
    const { bavail, bsize } = await statfs(this.folders.images)
    if (bavail * bsize < bytes)
      throw new DriverError('NoSpace', `the disk is full: ${subject} does not fit; delete images or volumes`)
  }

  /** The length of a finished image's file. */
  async fileBytes(id: ImageId): Promise<number> {
    return (await stat(this.folders.image(id))).size
  }

  /** The size that a guest sees, in bytes; undefined while there is no finished image. */
  async virtualBytes(id: ImageId): Promise<number | undefined> {
    const path = this.folders.image(id)
    const there = await stat(path).catch(() => undefined)
    return there ? (await readQcow2Header(path))?.bytes : undefined
  }

  /**
   * The folder for an import's files. What an earlier try left there stays.
   *
   * @param worker the user that converts: only the folder `out` in it is that user's
   */
  async beginImport(id: ImageId, worker: FileOwner): Promise<string> {
    const folder = this.folders.import(id)
    const out = join(folder, 'out')
    await mkdir(folder, { recursive: true, mode: 0o711 })
    await rm(out, { recursive: true, force: true })
    await mkdir(out, { mode: 0o700 })
    if (process.getuid?.() === 0) await chown(out, worker.uid, worker.gid)
    return folder
  }

  /**
   * Let a converted file become the image: read-only, on disk, then under its name. The import's folder goes.
   *
   * @param from the file; it may lie in a folder of another user and is moved out of there first
   */
  async settle(id: ImageId, from: string): Promise<void> {
    const draft = join(this.folders.import(id), 'settling.qcow2')
    await rename(from, draft)
    const file = await open(draft, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { nlink } = await file.stat()
      if (nlink !== 1) throw new DriverError('Refused', `the converted file of image ${id} has other names`)
      if (process.getuid?.() === 0) await file.chown(0, this.#owner?.gid ?? 0)
      await file.chmod(0o440)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, this.folders.image(id))
    await using folder = await open(this.folders.images, 'r')
    await folder.sync()
    await this.discardImport(id)
  }

  async discardImport(id: ImageId): Promise<void> {
    await rm(this.folders.import(id), { recursive: true, force: true })
  }

  /** The volumes of this host that share an image's blocks. */
  async volumesOf(id: ImageId): Promise<VolumeId[]> {
    const names = (await readdir(this.folders.volumes)).filter((name) => /^[^.].*\.qcow2$/.test(name))
    const users: VolumeId[] = []
    for (const name of names) {
      const volume = name.slice(0, -'.qcow2'.length)
      const header = await readQcow2Header(join(this.folders.volumes, name)).catch(() => undefined)
      if (header?.backingFile === undefined) continue
      const backing = parseBacking(header.backingFile, volume)
      if ('image' in backing && backing.image === id) users.push(volume)
    }
    return users
  }

  /** @throws {DriverError} `InUse` while volumes are based on it or a guest has it open */
  async remove(id: ImageId): Promise<void> {
    const path = this.folders.image(id)
    const users = await this.volumesOf(id)
    if (users.length > 0)
      throw new DriverError(
        'InUse',
        `image ${id} is the base of ${users.length} volumes, such as ${users[0]}; delete them first`,
      )
    const there = await stat(path).catch(() => undefined)
    if (there && (await isOpenByQemu(path))) throw new DriverError('InUse', `image ${id} is open in a running guest`)
    await rm(path, { force: true })
    await rm(this.#copyMark(id), { force: true })
    await this.discardImport(id)
  }

  /** Say of an image that it is a copy of another host's, before its file is there. */
  async markCopy(id: ImageId): Promise<void> {
    await writeFile(this.#copyMark(id), '', { mode: 0o600 })
  }

  async isCopy(id: ImageId): Promise<boolean> {
    return (await stat(this.#copyMark(id)).catch(() => undefined)) !== undefined
  }

  /** The images whose files here are copies of other hosts'. */
  async copies(): Promise<ImageId[]> {
    const names = await readdir(this.folders.images)
    return names.filter((name) => name.startsWith(copyMark)).map((name) => name.slice(copyMark.length))
  }

  #copyMark(id: ImageId): string {
    return join(this.folders.images, `${copyMark}${id}`)
  }

  /** Remove what belongs to none of the images in `known`: unfinished imports and exports only, never finished images. */
  async sweep(known: ReadonlySet<ImageId>): Promise<string[]> {
    const stale = (await readdir(this.folders.images)).filter(
      (name) =>
        name.startsWith('.export-') || (name.startsWith('.import-') && !known.has(name.slice('.import-'.length))),
    )
    for (const name of stale) await rm(join(this.folders.images, name), { recursive: true, force: true })
    return stale
  }
}
