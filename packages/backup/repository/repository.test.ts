import { describe, expect, test } from 'vitest'
import { blockBytes } from '../format/block.ts'
import { RepositoryKey } from '../format/repository-key.ts'
import { MemoryObjects } from '../objects/memory.ts'
import { BackupWriter } from './backup-writer.ts'
import { listBackups } from './backups.ts'
import { Repository } from './repository.ts'
import { prune } from './prune.ts'
import { backUp, contentOf, head, key, MemoryDisk, repositoryOn } from './testing.ts'
import { verifyBackup } from './verify.ts'

const MiB = 1024 * 1024

/** A disk with data in its first, third and last block, the last a short one. */
function someDisk(): MemoryDisk {
  const disk = new MemoryDisk(9 * MiB)
  disk.write(1000, 5000, 'a')
  disk.write(2 * blockBytes, blockBytes, 'b')
  disk.write(9 * MiB - 700, 700, 'c')
  return disk
}

describe('a backup', () => {
  test('gives the disk back byte for byte, and keeps no zeros', async () => {
    const store = new MemoryObjects()
    const repository = await repositoryOn(store)
    const disk = someDisk()
    const manifest = await backUp(repository, disk)
    expect((await contentOf(repository, manifest)).equals(disk.content)).toBe(true)
    // Three blocks of the disk and one of its index.
    expect([...store.objects.keys()].filter((one) => one.startsWith('blocks/'))).toHaveLength(4)
    expect(disk.reads).toBe(3)
    expect(await verifyBackup(repository, manifest)).toEqual([])
    expect((await listBackups(repository)).manifests).toEqual([manifest])
  })

  test('of what changed reads only that, and is whole for itself', async () => {
    const repository = await repositoryOn(new MemoryObjects())
    const disk = someDisk()
    const first = await backUp(repository, disk)
    disk.mark()
    disk.reads = 0
    disk.write(1500, 10, 'changed')
    disk.zero(2 * blockBytes, blockBytes)
    const second = await backUp(repository, disk, first)
    expect(disk.reads).toBe(1)
    expect((await contentOf(repository, second)).equals(disk.content)).toBe(true)
    await repository.deleteManifest(first.uid)
    await prune(repository)
    expect((await contentOf(repository, second)).equals(disk.content)).toBe(true)
  })

  test('of a disk that has grown is right, also where its last block was a short one', async () => {
    const repository = await repositoryOn(new MemoryObjects())
    const disk = someDisk()
    const first = await backUp(repository, disk)
    disk.mark()
    disk.grow(21 * MiB)
    disk.write(20 * MiB, 100, 'new')
    const second = await backUp(repository, disk, first)
    expect((await contentOf(repository, second)).equals(disk.content)).toBe(true)
  })

  test('of the same data from another machine costs an index and a manifest', async () => {
    const repository = await repositoryOn(new MemoryObjects())
    await backUp(repository, someDisk())
    const again = await backUp(repository, someDisk())
    expect(again.cost.newBytes).toBe(0)
    const twice = new MemoryDisk(8 * MiB)
    twice.write(0, 8 * MiB, 'the same in each block')
    const manifest = await backUp(repository, twice)
    expect(manifest.cost.newBytes).toBeLessThan(2 * blockBytes + 1000)
  })

  test('that is not committed is not listed, and goes with the next prune', async () => {
    const store = new MemoryObjects()
    const repository = await repositoryOn(store)
    const writer = await BackupWriter.begin(repository)
    await writer.disk({ name: 'root', source: someDisk() })
    await writer.abandon()
    expect((await listBackups(repository)).manifests).toEqual([])
    expect((await prune(repository)).deleted).toBe(4)
    expect([...store.objects.keys()]).toEqual(['repository.json'])
  })

  test('is told how far it is, and ends when it shall', async () => {
    const repository = await repositoryOn(new MemoryObjects())
    const writer = await BackupWriter.begin(repository)
    const done: number[] = []
    await writer.disk({ name: 'root', source: someDisk(), onProgress: (bytes) => done.push(bytes) })
    expect(Math.max(...done)).toBe(9 * MiB)
    const stopped = writer.disk({
      name: 'other',
      source: someDisk(),
      signal: AbortSignal.abort(new Error('cancelled')),
    })
    await expect(stopped).rejects.toThrow('cancelled')
    await writer.abandon()
  })
})

describe('a repository', () => {
  test('is opened by its own key alone', async () => {
    const store = new MemoryObjects()
    await repositoryOn(store)
    await expect(Repository.open(store, RepositoryKey.generate())).rejects.toThrow('recovery key')
    await expect(Repository.open(new MemoryObjects(), key)).rejects.toThrow('there is no repository')
    store.objects.set('repository.json', Buffer.from('{"format":"thresher-backup","version":2}'))
    await expect(Repository.open(store, key)).rejects.toThrow('update Thresher')
  })

  test('says nothing of what it keeps: neither names nor content nor their hashes', async () => {
    const store = new MemoryObjects()
    const disk = new MemoryDisk(4 * MiB)
    disk.content.write('a secret of the guest'.repeat(100_000))
    await backUp(await repositoryOn(store), disk)
    const all = Buffer.concat([...store.objects.values()]).toString('latin1') + [...store.objects.keys()].join()
    for (const word of ['secret of the guest', 'web', 'default', 'root']) expect(all).not.toContain(word)
  })

  test('that is damaged says what of which backup, and the rest is whole', async () => {
    const store = new MemoryObjects()
    const repository = await repositoryOn(store)
    const manifest = await backUp(repository, someDisk())
    const other = new MemoryDisk(2 * MiB)
    other.write(0, 100, 'other')
    const whole = await backUp(repository, other)
    const entryOfThird = [...store.objects.entries()].filter(([name]) => name.startsWith('blocks/'))
    const seen: string[] = []
    for (const [name, body] of entryOfThird) {
      const broken = Buffer.from(body)
      broken[broken.length >>> 1]! ^= 1
      store.objects.set(name, broken)
      const damages = await verifyBackup(repository, manifest)
      if (damages.length > 0) {
        seen.push(name)
        expect(damages[0]!.message).toContain(name)
        await expect(contentOf(repository, manifest)).rejects.toThrow(name)
        expect(await verifyBackup(repository, whole)).toEqual([])
      }
      store.objects.set(name, body)
    }
    expect(seen).toHaveLength(4)
    store.objects.delete(seen[0]!)
    expect((await verifyBackup(repository, manifest))[0]!.message).toContain('is gone')
    await expect(prune(repository)).resolves.toBeDefined()
  })

  test('of which a manifest is damaged lists the others, and is not pruned', async () => {
    const store = new MemoryObjects()
    const repository = await repositoryOn(store)
    const one = await backUp(repository, someDisk())
    const two = await backUp(repository, someDisk())
    store.objects.set(`manifests/${one.uid}`, Buffer.from('nonsense nonsense nonsense nonsense'))
    const { manifests, damaged } = await listBackups(repository)
    expect(manifests.map(({ uid }) => uid)).toEqual([two.uid])
    expect(damaged).toMatchObject([{ uid: one.uid, message: expect.stringContaining('damaged') }])
    await expect(prune(repository)).rejects.toThrow(one.uid)
  })

  test('keeps manifests of several clusters', async () => {
    const repository = await repositoryOn(new MemoryObjects())
    const writer = await BackupWriter.begin(repository)
    await writer.disk({ name: 'root', source: someDisk() })
    const { uid } = await writer.commit(head({ cluster: { uid: 'c2', name: 'there' } }))
    expect((await repository.getManifest(uid))?.cluster.name).toBe('there')
  })
})

test('a parent that is not accepted gives nothing to what is built on it', async () => {
  const repository = await repositoryOn(new MemoryObjects())
  const theirs = await backUp(repository, someDisk())
  const mine = new MemoryDisk(9 * MiB)
  mine.write(0, 10, 'mine')
  mine.mark()
  const writer = await BackupWriter.begin(repository, {
    parent: theirs.uid,
    isParent: ({ machine }) => machine.uid === 'm2',
  })
  await writer.disk({ name: 'root', source: mine })
  const made = await writer.commit(head())
  expect((await contentOf(repository, made)).equals(mine.content)).toBe(true)
  expect(made.parent).toBeUndefined()
})
