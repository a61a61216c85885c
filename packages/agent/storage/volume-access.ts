import { constants } from 'node:fs'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { freeGroup, isVolumeGroup, type GuestUids } from '../guest-uids.ts'
import type { FileOwner } from './storage-folders.ts'

/**
 * Who may open a volume's file. At rest it is root's alone; published, its guest's QEMU is its owner. A volume that several guests may
 * have open has a group of its own besides, in which each of their QEMUs is: it stays on the file, so it needs no other memory.
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

  /** Take a volume's file back from all users. @returns whether it was any user's */
  async takeBack(path: string): Promise<boolean> {
    if (process.getuid?.() !== 0) return false
    await using file = await openPlain(path)
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

/** Not through a link, and not a file that has another name elsewhere. @throws {Error} */
async function openPlain(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const found = await file.stat()
  if (found.isFile() && found.nlink === 1) return file
  await file.close()
  throw new Error(`${path} is no plain file of this folder`)
}
