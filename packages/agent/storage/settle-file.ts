import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Let a finished draft appear under its name, on disk before anybody is told of it. Both lie in one folder. */
export async function settleFile(draft: string, path: string): Promise<void> {
  await syncFile(draft)
  await rename(draft, path)
  await syncFile(dirname(path))
}

/** Bring a file, or the names in a folder, to disk. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}
