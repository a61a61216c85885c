import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Static } from 'typebox'
import { mismatches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { parseLayer } from './layer-id.ts'
import { settleFile, syncFile } from './settle-file.ts'
import type { StorageFolders } from './storage-folders.ts'
import type { SnapshotId } from './volume-driver.ts'

const text = Type.String({ minLength: 1 })

/** What a snapshot is: the layer that holds a volume's content at one moment, with all that it stands on. */
export const SnapshotRecord = Type.Object({
  version: Type.Literal(1),
  volume: text,
  layer: text,
  /** ISO 8601. */
  createdAt: text,
})
export type SnapshotRecord = Static<typeof SnapshotRecord>

/** What the file of a snapshot says. Only `none` is knowledge that there is no such snapshot. */
export type FoundRecord =
  | { found: 'record'; record: SnapshotRecord }
  | { found: 'none' }
  /** It is not of a form that this agent understands; `why` is a sentence's end. */
  | { found: 'unreadable'; why: string }

/** The text of a snapshot's file. Pure. */
export function parseRecord(content: string): FoundRecord {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch {
    return { found: 'unreadable', why: 'it is not whole' }
  }
  const { version } = (typeof value === 'object' && value !== null ? value : {}) as { version?: unknown }
  if (typeof version === 'number' && version > 1)
    return {
      found: 'unreadable',
      why: `it is of version ${version}, written by a newer agent; this one knows version 1`,
    }
  const [first] = mismatches(SnapshotRecord, value)
  if (first) return { found: 'unreadable', why: `${first.path || 'it'} ${first.message}` }
  const record = value as SnapshotRecord
  return parseLayer(record.layer) ? { found: 'record', record } : { found: 'unreadable', why: 'layer names no layer' }
}

/** The snapshots of this host's volumes, a small file each: it is there, whole, or it is not. */
export class SnapshotRecords {
  readonly #folders: StorageFolders

  constructor(folders: StorageFolders) {
    this.#folders = folders
  }

  async read(id: SnapshotId): Promise<FoundRecord> {
    try {
      return parseRecord(await readFile(this.#folders.snapshot(id), 'utf8'))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      return code === 'ENOENT' ? { found: 'none' } : { found: 'unreadable', why: message }
    }
  }

  /** All there are, those that cannot be read among them. */
  async all(): Promise<Map<SnapshotId, Exclude<FoundRecord, { found: 'none' }>>> {
    const ids = await this.list()
    const found = await Promise.all(ids.map(async (id) => [id, await this.read(id)] as const))
    return new Map(found.flatMap(([id, record]) => (record.found === 'none' ? [] : [[id, record]])))
  }

  async list(): Promise<SnapshotId[]> {
    const names = await readdir(this.#folders.snapshots)
    return names.flatMap((name) => /^([A-Za-z0-9][A-Za-z0-9-]*)\.json$/.exec(name)?.[1] ?? [])
  }

  async write(id: SnapshotId, record: SnapshotRecord): Promise<void> {
    const draft = join(this.#folders.snapshots, `.new-${randomBytes(6).toString('hex')}`)
    await writeFile(draft, JSON.stringify(record), { mode: 0o600 })
    await settleFile(draft, this.#folders.snapshot(id))
  }

  async remove(id: SnapshotId): Promise<void> {
    await rm(this.#folders.snapshot(id), { force: true })
    await syncFile(this.#folders.snapshots)
  }

  /** Remove what interrupted writes left. @returns their names */
  async sweep(): Promise<string[]> {
    const drafts = (await readdir(this.#folders.snapshots)).filter((name) => name.startsWith('.new-'))
    for (const name of drafts) await rm(join(this.#folders.snapshots, name), { force: true })
    return drafts
  }
}
