import { blockKey, blocksPrefix, entriesOf, parseBlockKey, type BlockRef } from '../format/block.ts'
import { DamagedError } from '../format/damaged-error.ts'
import type { Manifest } from '../format/manifest.ts'
import { realClock, type Clock } from './clock.ts'
import { listLifeMs, publish, readLists } from './condemned.ts'
import { inLanes } from './lanes.ts'
import { RefSet } from './ref-set.ts'
import type { Repository } from './repository.ts'
import { fence, fencedWriters, isFenced, leaseMs, parseLease, unfence, writersPrefix } from './writer-lease.ts'

/** Between two looks at the writers. */
const lookMs = 5000

export interface PruneOptions {
  clock?: Clock
  signal?: AbortSignal
}

export interface Pruned {
  /** Copies of blocks. */
  deleted: number
  /** Manifests that came after their writer was given up, and that lack blocks. */
  refused: string[]
}

/**
 * Delete the blocks that no backup needs.
 *
 * Nobody who writes is waited on, and several may prune at once. In two phases: what seems needless is published; when every writer
 * knows the list or has ended, what no manifest refers to by then is deleted. A copy's key is never used again, so a deletion that
 * comes late deletes nothing of anybody's. docs/backup-format.md has the argument; `prune.model.test.ts` tries it.
 *
 * @throws {DamagedError} when a manifest or an index cannot be read: what it needs is not known, so nothing is deleted
 */
export async function prune(repository: Repository, { clock = realClock, signal }: PruneOptions = {}): Promise<Pruned> {
  const { store } = repository
  await awaitWriters(repository, (_, alive) => alive, clock, signal)
  const writing = new Set<string>()
  for await (const { key } of store.list(writersPrefix)) writing.add(hexOf(key.slice(writersPrefix.length)))
  // Before the blocks are listed: what these lists name is there, or gone for good.
  const before = await Array.fromAsync(readLists(store))
  const fenced = await fencedWriters(store)
  const needed = await neededBlocks(repository)
  const present = new RefSet()
  const needless: BlockRef[] = []
  for await (const { key } of store.list(blocksPrefix)) {
    const ref = parseBlockKey(key)
    if (!ref) continue
    present.add(ref)
    if (!needed.has(ref) && !writing.has(ref.writer.toString('hex'))) needless.push(ref)
  }
  // A list of one who died is taken away when nothing of it is left, since what he might still delete is nobody's, or he may not.
  for (const { key, refs, wallMs } of before)
    if (!refs.some((ref) => present.has(ref)) || clock.wall() - wallMs > listLifeMs) await store.delete(key)
  const refused = await settleFenced(repository, fenced, present)
  const published = clock.wall()
  const lists = await publish(store, needless, published)
  if (lists.length === 0) return { deleted: 0, refused }
  const knowsAll = (lease: Buffer): boolean => {
    const known = new Set(parseLease(lease).knows)
    return lists.every(({ key }) => known.has(key))
  }
  await awaitWriters(repository, knowsAll, clock, signal)
  const stillNeeded = await neededBlocks(repository)
  const doomed = needless.filter((ref) => !stillNeeded.has(ref))
  await inLanes(doomed, async (ref) => {
    signal?.throwIfAborted()
    if (clock.wall() - published > listLifeMs / 2) throw new Error('the prune took too long; prune again')
    await store.delete(blockKey(ref))
  })
  for (const { key } of lists) await store.delete(key)
  return { deleted: doomed.length, refused }
}

/**
 * All copies that some manifest refers to, also one whose writer was given up.
 *
 * @throws {DamagedError} when an index cannot be read, unless its backup was deleted meanwhile or does not count
 */
async function neededBlocks(repository: Repository): Promise<RefSet> {
  const needed = new RefSet()
  const segments = new Set<string>()
  for await (const uid of repository.manifestUids()) {
    try {
      const manifest = await repository.getManifest(uid)
      if (manifest) for await (const ref of refsOf(repository, manifest, segments)) needed.add(ref)
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      if ((await repository.hasManifest(uid)) && !(await isFenced(repository.store, uid))) throw error
    }
  }
  return needed
}

/** What one manifest refers to. @param seen segments that need not be read again */
async function* refsOf(repository: Repository, manifest: Manifest, seen = new Set<string>()): AsyncIterable<BlockRef> {
  for (const key of manifest.disks.flatMap(({ segments }) => segments)) {
    const own = parseBlockKey(key)
    if (!own || seen.has(key)) continue
    seen.add(key)
    yield own
    for (const { ref } of entriesOf(await repository.getSegment(key))) yield ref
  }
}

/**
 * Wait until no writer has to be waited for: each is served, or has ended, or was given up because its lease did not change for
 * {@link leaseMs}, as seen from here.
 *
 * @param served whether a writer is not waited for, by its lease and whether that has changed since it was first seen
 */
async function awaitWriters(
  { store }: Repository,
  served: (lease: Buffer, alive: boolean) => boolean,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const seen = new Map<string, { body: Buffer; since: number; alive: boolean }>()
  for (;;) {
    let waiting = false
    for await (const { key } of store.list(writersPrefix)) {
      const body = await store.get(key)
      if (!body) continue
      const before = seen.get(key)
      const changed = before !== undefined && !before.body.equals(body)
      if (served(body, changed || before?.alive === true)) continue
      if (!before || changed) seen.set(key, { body, since: clock.now(), alive: changed })
      else if (clock.now() - before.since >= leaseMs) {
        await fence(store, key.slice(writersPrefix.length))
        await store.delete(key)
        continue
      }
      waiting = true
    }
    if (!waiting) return
    await clock.sleep(lookMs, signal)
  }
}

/**
 * A backup whose writer was given up is whole, when its manifest came first, or may lack what was deleted before it came; whoever
 * gave the writer up may have died before he saw which. It counts again when all of it is there and nobody is about to delete
 * any of it. While somebody is, it stays hidden, and what it needs is kept.
 */
async function settleFenced(repository: Repository, fenced: Iterable<string>, present: RefSet): Promise<string[]> {
  const refused: string[] = []
  for (const uid of fenced) {
    const manifest = await repository.getManifest(uid)
    if (!manifest) continue
    if (!(await isWhole(repository, manifest, present))) {
      await repository.deleteManifest(uid)
      refused.push(uid)
      continue
    }
    // Lists that come after the manifest was read are made by who sees it.
    const condemned = new RefSet()
    for await (const { refs } of readLists(repository.store)) for (const ref of refs) condemned.add(ref)
    if (!(await refersToAny(repository, manifest, condemned))) await unfence(repository.store, uid)
  }
  return refused
}

async function refersToAny(repository: Repository, manifest: Manifest, refs: RefSet): Promise<boolean> {
  for await (const ref of refsOf(repository, manifest)) if (refs.has(ref)) return true
  return false
}

/** @param present what was there when the blocks were listed; the manifest, and blocks with it, may have come since */
async function isWhole(repository: Repository, manifest: Manifest, present: RefSet): Promise<boolean> {
  const isThere = async (ref: BlockRef): Promise<boolean> => present.has(ref) || repository.hasBlock(ref)
  try {
    for await (const ref of refsOf(repository, manifest)) if (!(await isThere(ref))) return false
    return true
  } catch (error) {
    if (error instanceof DamagedError) return false
    throw error
  }
}

const hexOf = (uid: string): string => uid.replaceAll('-', '')
