import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { CacheFeed } from './cache-feed.ts'
import { Compaction } from './compaction.ts'
import { Metrics } from './metrics.ts'
import { SqliteStore } from './store/sqlite.ts'

test('a compaction that fails is logged and counted, and the next one makes up for it', async () => {
  await using scope = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'compaction-'))
  scope.defer(() => rm(directory, { recursive: true }))
  const path = join(directory, 'store.db')
  const store = await SqliteStore.open(path)
  scope.defer(() => store.close())
  const feed = new CacheFeed(store)
  scope.defer(() => feed.close())
  await feed.start()
  const metrics = new Metrics()
  const faults: string[] = []
  const compaction = new Compaction(store, feed, metrics, (fault) => faults.push(fault))
  const first = await store.create('/a/b/c', Buffer.from('1'))
  await feed.reach(await store.update('/a/b/c', Buffer.from('2'), first))
  await compaction.run()
  using database = new DatabaseSync(path)
  database.exec("CREATE TRIGGER refuse BEFORE DELETE ON log BEGIN SELECT raise(ABORT, 'the disk is odd'); END")
  await compaction.run()
  expect(faults).toEqual([expect.stringContaining('could not be compacted and grows until it can: ')])
  expect(faults[0]).toContain('the disk is odd')
  expect(metrics.render([], 0)).toContain('apiserver_storage_compaction_failures_total 1')
  database.exec('DROP TRIGGER refuse')
  await compaction.run()
  expect(faults).toHaveLength(1)
  expect(database.prepare('SELECT count(*) AS rows FROM log').get()).toEqual({ rows: 1 })
})
