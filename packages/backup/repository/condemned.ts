import { randomUUID } from 'node:crypto'
import { entriesOf, type BlockRef } from '../format/block.ts'
import type { ObjectStore } from '../objects/object-store.ts'

/** Where the lists of copies stand that are about to be deleted; each is 48 bytes per copy. */
export const condemnedPrefix = 'condemned/'
/** Whoever published a list deletes nothing of it after half of this time. After all of it, the list means nothing any more. */
export const listLifeMs = 24 * 60 * 60 * 1000
/** Copies of one list; a repository that lost a large machine gets several. */
const mostEntries = 65_536

export interface CondemnedList {
  /** The key of its object. */
  key: string
  /** When it was published, by the clock of who did. */
  wallMs: number
  refs: BlockRef[]
}

/** Publish what is about to be deleted. Whoever begins to write from now on does not rely on it. */
export async function publish(store: ObjectStore, refs: readonly BlockRef[], wallMs: number): Promise<CondemnedList[]> {
  const lists: CondemnedList[] = []
  for (let from = 0; from < refs.length; from += mostEntries) {
    const key = `${condemnedPrefix}${Math.floor(wallMs)}.${randomUUID()}`
    const list = { key, wallMs, refs: refs.slice(from, from + mostEntries) }
    await store.put(list.key, Buffer.concat(list.refs.flatMap(({ id, writer }) => [id, writer])))
    lists.push(list)
  }
  return lists
}

/** All lists that stand now. One that is gone before it was read was done with. */
export async function* readLists(store: ObjectStore): AsyncIterable<CondemnedList> {
  for await (const { key } of store.list(condemnedPrefix)) {
    const body = await store.get(key)
    if (body)
      yield {
        key,
        wallMs: Number(/^\d+/.exec(key.slice(condemnedPrefix.length))?.[0] ?? 0),
        refs: Array.from(entriesOf(body), ({ ref }) => ref),
      }
  }
}
