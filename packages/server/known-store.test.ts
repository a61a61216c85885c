import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { clusterOf, rememberStore, requireKnownStore } from './known-store.ts'

describe('an installation that has been up', () => {
  let folder: string
  let cluster: string

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'known-store-'))
    requireKnownStore(folder, undefined)
    const pki = await ensurePki(join(folder, 'pki'), { names: [], addresses: [] })
    cluster = clusterOf(pki.ca.cert)
    await (await SqliteStore.open(join(folder, 'store.db'))).close()
    await rememberStore(folder, cluster)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('goes on with its store', () => {
    expect(() => requireKnownStore(folder, undefined)).not.toThrow()
    expect(() => requireKnownStore(folder, cluster)).not.toThrow()
  })

  it('makes no second truth when its store is gone or empty, and names the newest backup', () => {
    mkdirSync(join(folder, 'backups'))
    writeFileSync(join(folder, 'backups', 'today.db'), 'x')
    rmSync(join(folder, 'store.db'))
    expect(() => requireKnownStore(folder, undefined)).toThrow(
      `store.db is gone, but this installation held cluster ${cluster.slice(0, 12)}`,
    )
    writeFileSync(join(folder, 'store.db'), '')
    expect(() => requireKnownStore(folder, undefined)).toThrow(`thresher restore ${folder}/backups/today.db`)
  })

  it('knows it even when the whole folder is gone, from what root remembers', () => {
    rmSync(folder, { recursive: true })
    mkdirSync(folder)
    expect(() => requireKnownStore(folder, cluster)).toThrow('bring it back from a backup'.replace('it', folder))
  })

  it('does not take the folder of another cluster for its own', async () => {
    rmSync(join(folder, 'pki'), { recursive: true })
    await ensurePki(join(folder, 'pki'), { names: [], addresses: [] })
    expect(() => requireKnownStore(folder, undefined)).toThrow('is of another cluster')
  })
})
