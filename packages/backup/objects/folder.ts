import { randomUUID } from 'node:crypto'
import { open, readFile, readdir, rename, rm, stat, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkKey, ObjectError, type ListedObject, type ObjectReason, type ObjectStore } from './object-store.ts'

/** Files that are being written; a name that no key has. */
const unfinished = '.new-'

/** Objects as files below a folder, such as a mounted NFS export. */
export class Folder implements ObjectStore {
  readonly #root: string

  /** @param root an existing folder; it is never made, so that a share which is not mounted is seen as such */
  constructor(root: string) {
    this.#root = root
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const file = this.#path(key)
    const made = join(dirname(file), `${unfinished}${randomUUID()}`)
    try {
      await stat(this.#root)
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      await write(made, body)
      await rename(made, file)
      await sync(dirname(file))
    } catch (error) {
      await rm(made, { force: true }).catch(() => {})
      throw this.#error('write', key, error)
    }
  }

  async get(key: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#path(key))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw this.#error('read', key, error)
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await rm(this.#path(key), { force: true })
    } catch (error) {
      throw this.#error('delete', key, error)
    }
  }

  async *list(prefix: string): AsyncIterable<ListedObject> {
    // Whole folders are read: a prefix ends at a slash here, or within a name.
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    for await (const one of this.#walk(folder)) if (one.key.startsWith(prefix)) yield one
  }

  async *#walk(folder: string): AsyncIterable<ListedObject> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch((error) => {
      if (folder !== '' && (error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw this.#error('list', folder, error)
    })
    for (const entry of entries) {
      const key = `${folder}${entry.name}`
      if (entry.isDirectory()) yield* this.#walk(`${key}/`)
      else if (entry.isFile() && !entry.name.startsWith(unfinished)) {
        const found = await stat(join(this.#root, key)).catch(() => undefined)
        if (found) yield { key, bytes: found.size }
      }
    }
  }

  #path(key: string): string {
    return join(this.#root, checkKey(key))
  }

  #error(verb: string, key: string, error: unknown): ObjectError {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const reason = reasons[code] ?? 'Failed'
    return new ObjectError(
      reason,
      `cannot ${verb} ${key || 'objects'} in the folder ${this.#root}: ${words[reason] ?? code}`,
      {
        cause: error,
      },
    )
  }
}

const reasons: Record<string, ObjectReason> = {
  ENOSPC: 'Full',
  EDQUOT: 'Full',
  EACCES: 'Denied',
  EPERM: 'Denied',
  EROFS: 'Denied',
  ENOENT: 'Missing',
  ENOTDIR: 'Missing',
  ESTALE: 'Unreachable',
  EIO: 'Unreachable',
  ETIMEDOUT: 'Unreachable',
}

const words: Partial<Record<ObjectReason, string>> = {
  Full: 'it has no room; make room, or delete backups and prune',
  Denied: 'it may not be written; check its owner and that it is not mounted read-only',
  Missing: 'it is not there; check that the share is mounted',
  Unreachable: 'the server of the share does not answer',
}

async function write(file: string, body: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(body)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
