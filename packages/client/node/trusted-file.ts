import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { dirname, join, parse, resolve } from 'node:path'

/** A file or folder that somebody else could have put there or changed. */
export class UntrustedFileError extends Error {
  override readonly name = 'UntrustedFileError'
}

const groupOrOthersMayWrite = 0o022
const sticky = 0o1000
const longest = 1024 * 1024
const manyLinks = 40

/** Whom this process believes: root, and itself. */
const isTrusted = (uid: number): boolean => uid === 0 || uid === process.getuid?.()

/**
 * Refuse a folder that anybody but root and this process's user could exchange or write to, or whose way there leads through
 * such a folder. A shared folder with the sticky bit, such as /tmp, may stand on the way: what is ours in it stays ours.
 *
 * @returns the folder's path without links
 * @throws {UntrustedFileError} naming the part of the path that is to be mended
 */
export function requireTrustedFolder(path: string): string {
  const place = walk(resolve(path))
  const found = lstatSync(place)
  if (!found.isDirectory()) throw new UntrustedFileError(`${place} is not a folder`)
  if ((found.mode & groupOrOthersMayWrite) !== 0)
    throw new UntrustedFileError(`${place} may be written to by others; make it private with: chmod go-w ${place}`)
  return place
}

/**
 * Read a file that root, or this process's user, alone can have written: every folder on the way, every link and the file itself
 * belong to them and nobody else may write there.
 *
 * @throws {UntrustedFileError} when that is not so; ENOENT as the file system gives it
 */
export function readTrusted(path: string, maxBytes = longest): string {
  const full = resolve(path)
  const place = walk(full)
  return readOpened(place, maxBytes, ({ uid, mode }) => {
    if (!isTrusted(uid)) return `belongs to user ${uid}; give it back with: chown ${process.getuid?.() ?? 0} ${full}`
    if ((mode & groupOrOthersMayWrite) !== 0) return `may be written to by others; mend it with: chmod go-w ${full}`
    return undefined
  })
}

/**
 * Read a file out of another user's folder. Only a plain file of that very user, with no second name, is read: so this process
 * reads for him nothing that he could not read himself, wherever links in his folder lead.
 *
 * @throws {UntrustedFileError} when it is anything else; ENOENT as the file system gives it
 */
export function readOwnedBy(uid: number, path: string, maxBytes = longest): string {
  return readOpened(path, maxBytes, (found) => {
    if (found.uid !== uid) return `belongs to user ${found.uid}, not to ${uid}`
    return found.nlink === 1 ? undefined : 'has a second name'
  })
}

/** Open a plain file without waiting or following, of which `verdict` says what is wrong with it. */
function readOpened(
  path: string,
  maxBytes: number,
  verdict: (found: { uid: number; mode: number; nlink: number }) => string | undefined,
): string {
  const file = open(path)
  try {
    const found = fstatSync(file)
    if (!found.isFile()) throw new UntrustedFileError(`${path} is not a plain file`)
    const objection = verdict(found)
    if (objection !== undefined) throw new UntrustedFileError(`${path} ${objection}`)
    const bytes = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(file, bytes, length, bytes.length - length, null)
    if (length > maxBytes) throw new UntrustedFileError(`${path} is larger than ${maxBytes} bytes`)
    return bytes.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOOP') throw cause
    throw new UntrustedFileError(`${path} is a link`, { cause })
  }
}

/** The path without links, every folder and link on the way being trusted. The last part need not be a folder. */
function walk(path: string, links = 0): string {
  const { root } = parse(path)
  let place = root
  const parts = path.slice(root.length).split('/').filter(Boolean)
  for (const [index, part] of parts.entries()) {
    requireTrustedParent(place)
    const next = join(place, part)
    const found = lstatSync(next)
    if (!found.isSymbolicLink()) {
      place = next
      continue
    }
    if (!isTrusted(found.uid)) throw new UntrustedFileError(`${next} is a link of user ${found.uid}; remove it`)
    if (links >= manyLinks) throw new UntrustedFileError(`${next} leads through too many links`)
    return walk(resolve(dirname(next), readlinkSync(next), ...parts.slice(index + 1)), links + 1)
  }
  return requireTrustedOwner(place)
}

function requireTrustedOwner(place: string): string {
  const { uid } = lstatSync(place)
  if (isTrusted(uid)) return place
  throw new UntrustedFileError(
    `${place} belongs to user ${uid}; give it back with: chown ${process.getuid?.() ?? 0} ${place}`,
  )
}

/** In a folder that is trusted, or sticky, entries of trusted owners stay what they are. */
function requireTrustedParent(folder: string): void {
  requireTrustedOwner(folder)
  const { mode } = lstatSync(folder)
  if ((mode & groupOrOthersMayWrite) !== 0 && (mode & sticky) === 0)
    throw new UntrustedFileError(`${folder} may be written to by others; make it private with: chmod go-w ${folder}`)
}
