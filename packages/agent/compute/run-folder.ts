import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync } from 'node:fs'

/**
 * Make a run's folder, open: QEMU, in whose group it is, adds its sockets to it while it starts. With the sticky bit it cannot touch
 * what root put there.
 *
 * @param gid the group of QEMU's user
 */
export function makeRunFolder(folder: string, gid: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chownSync(folder, 0, gid)
  chmodSync(folder, 0o1770)
}

/** Make the folder of a run whose QEMU lives, or take the one that is there: closed from the start. */
export function takeRunFolder(folder: string, gid: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  closeRunFolder(folder)
  chownSync(folder, 0, gid)
}

/**
 * Close a run's folder: QEMU still reaches what it has there, but adds, renames and removes nothing any more, so a guest that took
 * over its QEMU cannot put a link to something else in a socket's place. To be called before guest code runs.
 */
export function closeRunFolder(folder: string): void {
  try {
    chmodSync(folder, 0o710)
  } catch (error) {
    // Nothing can be exchanged in a folder that is gone, and QEMU cannot make it anew.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** The runs that some agent began on this host, by their folders' names. */
export function listRuns(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    return []
  }
}

/** Forget a run. */
export function removeRunFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
