import { expect, test } from 'vitest'
import type { Manifest } from '../format/manifest.ts'
import { BackupWriter } from './backup-writer.ts'
import { listBackups } from './backups.ts'
import { listLifeMs } from './condemned.ts'
import { Interleaving, random, type Actor } from './interleaving.ts'
import { prune } from './prune.ts'
import { Repository } from './repository.ts'
import { head, key, MemoryDisk, repositoryOn } from './testing.ts'
import { verifyBackup } from './verify.ts'
import { GivenUpError } from './writer-lease.ts'

/** Interleavings tried each time; `THRESHER_MODEL_ROUNDS` and `THRESHER_MODEL_SEED` try others. */
const rounds = Number(process.env['THRESHER_MODEL_ROUNDS'] ?? 400)
const firstSeed = Number(process.env['THRESHER_MODEL_SEED'] ?? 1)

/** What writers reported to have done, and what was deleted on purpose. */
interface Ledger {
  committed: Map<string, Manifest>
  deleted: Set<string>
}

/** A disk of one short block, of few different contents, so that writers often rely on each other's blocks. */
function smallDisk(content: number): MemoryDisk {
  const disk = new MemoryDisk(64)
  disk.write(0, 64, String(content))
  return disk
}

/** Back up three disks; where there is a backup to build on, the middle one did not change. */
async function write({ store, clock }: Actor, next: (below: number) => number, ledger: Ledger): Promise<void> {
  const repository = await Repository.open(store, key)
  const { manifests } = await listBackups(repository)
  const parent = manifests[next(manifests.length + 1)]
  const before = parent && contents.get(parent.uid)
  const writer = await BackupWriter.begin(repository, { clock, ...(parent ? { parent: parent.uid } : {}) })
  const middle = before ?? next(4)
  contents.set(writer.uid, middle)
  for (const [index, content] of [next(4), middle, next(4)].entries()) {
    const source = smallDisk(content)
    if (index === 1 && before !== undefined) source.mark()
    await writer.disk({ name: `disk-${index}`, source })
  }
  try {
    ledger.committed.set(writer.uid, await writer.commit(head()))
  } catch (error) {
    if (!(error instanceof GivenUpError)) throw error
  }
}
/** What the middle disk of a backup was made of. */
const contents = new Map<string, number>()

async function deleteOne({ store }: Actor, next: (below: number) => number, ledger: Ledger): Promise<void> {
  const repository = await Repository.open(store, key)
  const { manifests } = await listBackups(repository)
  const one = manifests[next(manifests.length + 1)]
  if (!one) return
  ledger.deleted.add(one.uid)
  await repository.deleteManifest(one.uid)
}

/** One interleaving of writers, pruners and deletions; then all is at rest, and what was reported must hold. */
async function explore(seed: number, crashOneIn: number): Promise<void> {
  const next = random(seed)
  const world = new Interleaving(seed)
  const repository = await repositoryOn(world.objects)
  const ledger: Ledger = { committed: new Map(), deleted: new Set() }
  for (let one = 0; one < 4; one++) world.add(`writer-${one}`, (actor) => write(actor, next, ledger))
  for (let one = 0; one < 2; one++) {
    world.add(`pruner-${one}`, async (actor) => {
      const its = await Repository.open(actor.store, key)
      for (let round = 0; round < 2; round++) await prune(its, { clock: actor.clock })
    })
    world.add(`deleter-${one}`, (actor) => deleteOne(actor, next, ledger))
  }
  await world.run(crashOneIn)

  const problems: string[] = []
  for (const manifest of (await listBackups(repository)).manifests)
    for (const { message } of await verifyBackup(repository, manifest)) problems.push(`listed, but ${message}`)
  for (const [uid, manifest] of ledger.committed) {
    if (ledger.deleted.has(uid)) continue
    for (const { message } of await verifyBackup(repository, manifest))
      problems.push(`reported as done, but ${message}`)
    if (!(await repository.getManifest(uid))) problems.push(`${uid} was reported as done, but is not there`)
  }
  expect(problems, `seed ${seed}, a crash in ${crashOneIn}`).toEqual([])

  // At rest: writers that died are given up, and nothing needless is left.
  const quiet = new Interleaving(seed)
  for (const [name, body] of world.objects.objects) quiet.objects.objects.set(name, body)
  quiet.add('pruner', async (actor) => {
    const its = await Repository.open(actor.store, key)
    for (let round = 0; round < 3; round++) {
      await prune(its, { clock: actor.clock })
      await actor.clock.sleep(listLifeMs)
    }
  })
  await quiet.run(0)
  const after = await repositoryOn(quiet.objects)
  const listed = new Set((await listBackups(after)).manifests.map(({ uid }) => uid))
  for (const uid of ledger.committed.keys())
    if (!ledger.deleted.has(uid)) expect(listed, `seed ${seed}: ${uid} was reported as done`).toContain(uid)
  // Also what is hidden: its writer was given up, and one who died had condemned what it relies on.
  const needed = new Set<string>()
  for await (const uid of after.manifestUids())
    for (const { segments } of (await after.getManifest(uid))!.disks) for (const one of segments) needed.add(one)
  const blocks = [...quiet.objects.objects.keys()].filter((name) => name.startsWith('blocks/'))
  // Each segment refers to one block, which others may share.
  expect(blocks.length, `seed ${seed}: blocks that nobody needs`).toBeLessThanOrEqual(2 * needed.size)
}

test('whoever writes, prunes, deletes and dies in whatever order: what was reported as backed up is whole', async () => {
  for (let round = 0; round < rounds; round++) await explore(firstSeed + round, round % 2 === 0 ? 0 : 60)
}, 600_000)
