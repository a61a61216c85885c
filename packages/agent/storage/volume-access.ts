import { constants } from 'node:fs'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { freeGroup, isVolumeGroup, type GuestUids } from '../guest-uids.ts'
import type { FileOwner } from './storage-folders.ts'

/**
 * Who may open a volume's files. At rest they are root's alone; published, its guest's QEMU is the owner of the one that is written. A
 * volume that several guests may have open has a group of its own besides, in which each of their QEMUs is: it stays on the file, so it
 * needs no other memory. The files below, which nobody writes and other volumes may stand on as well, have such a group too, to read.
 */
export class VolumeAccess {
  readonly #uids: GuestUids | undefined

  /** @param uids of which shared volumes get their groups; undefined where no user is given access */
  constructor(uids: GuestUids | undefined) {
    this.#uids = uids
  }

  /** Let a user open a volume's file. @returns the groups that it must be in for that */
  async give(path: string, user: FileOwner, { shared = false, readOnly = false }): Promise<number[]> {
    await using file = await openPlain(path)
    if (!shared || !this.#uids) {
      await setAccess(file, user.uid, user.gid, 0o600)
      return []
    }
    const before = await file.stat()
    const kept = isVolumeGroup(this.#uids, before.gid)
    const group = kept ? before.gid : await this.#newGroup(path, this.#uids)
    // Whoever has it open to write already keeps that.
    const mode = readOnly && !(kept && before.mode & 0o020) ? 0o640 : 0o660
    await setAccess(file, user.uid, group, mode)
    return [group]
  }

  /**
   * Let a user read the files below.
   *
   * @param running whether its QEMU runs already, and so gets into no more groups: then the files become the user's
   * @returns the groups that it must be in for that
   */
  async giveToRead(paths: readonly string[], user: FileOwner, running: boolean): Promise<number[]> {
    const groups = new Set<number>()
    let mine: number | undefined
    for (const path of paths) {
      await using file = await openPlain(path, mostNames)
      const { gid } = await file.stat()
      const kept = this.#uids && isVolumeGroup(this.#uids, gid)
      const group = kept ? gid : this.#uids ? (mine ??= await this.#newGroup(path, this.#uids)) : user.gid
      await setAccess(file, running ? user.uid : 0, group, running ? 0o440 : 0o640)
      groups.add(group)
    }
    return [...groups]
  }

  /**
   * Let others read files beside whoever has them open already.
   *
   * @returns the groups that they must be in for that
   */
  async letRead(paths: readonly string[]): Promise<number[]> {
    if (!this.#uids || process.getuid?.() !== 0) return []
    const groups = new Set<number>()
    let mine: number | undefined
    for (const path of paths) {
      await using file = await openPlain(path, mostNames)
      const { uid, gid, mode } = await file.stat()
      const group = isVolumeGroup(this.#uids, gid) ? gid : (mine ??= await this.#newGroup(path, this.#uids))
      await setAccess(file, uid, group, (mode & 0o777) | 0o040)
      groups.add(group)
    }
    return [...groups]
  }

  /** Make files a user's who has another open: the one of `like`. */
  async giveAs(paths: readonly string[], like: string): Promise<void> {
    if (process.getuid?.() !== 0) return
    const { uid, gid, mode } = await stat(like)
    for (const path of paths) {
      await using file = await openPlain(path, mostNames)
      await setAccess(file, uid, gid, mode & 0o777)
    }
  }

  /** Whether some user may open a volume's file. Cheap: asked of all at the agent's start. */
  async isGiven(path: string): Promise<boolean> {
    if (process.getuid?.() !== 0) return false
    const { uid, gid, mode } = await stat(path)
    return uid !== 0 || gid !== 0 || (mode & 0o777) !== 0o600
  }

  /** Nobody writes these files any more; who owns them may read them. */
  async readOnly(paths: readonly string[]): Promise<void> {
    if (process.getuid?.() !== 0) return
    for (const path of paths) {
      await using file = await openPlain(path, mostNames)
      await file.chmod(0o440)
    }
  }

  /** Take a volume's file back from all users. @returns whether it was any user's */
  async takeBack(path: string): Promise<boolean> {
    if (process.getuid?.() !== 0) return false
    await using file = await openPlain(path, mostNames)
    const { uid, gid, mode } = await file.stat()
    if (uid === 0 && gid === 0 && (mode & 0o777) === 0o600) return false
    await setAccess(file, 0, 0, 0o600)
    return true
  }

  async #newGroup(path: string, uids: GuestUids): Promise<number> {
    const folder = join(path, '..')
    const files = await readdir(folder)
    const groups = await Promise.all(
      files.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.gid),
    )
    const taken = new Set(groups)
    return freeGroup(uids, (id) => taken.has(id))
  }
}

/** First the mode, then the owner: nobody has more for a moment than before or after. */
async function setAccess(file: FileHandle, uid: number, gid: number, mode: number): Promise<void> {
  await file.chmod(mode & 0o600)
  await file.chown(uid, gid)
  await file.chmod(mode)
}

/** A file that a guest's QEMU merged with its neighbour has both their names until that QEMU ends. */
const mostNames = 64

/** Not through a link, and not a file that has another name elsewhere. @throws {Error} */
async function openPlain(path: string, names = 1): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const found = await file.stat()
  if (found.isFile() && found.nlink <= names) return file
  await file.close()
  throw new Error(`${path} is no plain file of this folder`)
}
