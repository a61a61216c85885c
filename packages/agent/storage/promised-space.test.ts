import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Setting } from '@thresher/api/harvester/setting'
import { Client } from '@thresher/client/client'
import { MemoryTransport } from '@thresher/client/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LocalDriver } from './local.ts'
import { PromisedSpace, promiseRefusal } from './promised-space.ts'
import { StorageFolders } from './storage-folders.ts'

const GiB = 1024 ** 3

describe('what may be promised', () => {
  const now = { totalBytes: 100 * GiB, freeBytes: 50 * GiB, promisedBytes: 150 * GiB, percent: 200 }

  it('is the disk times the setting, to the last byte', () => {
    expect(promiseRefusal('volume a', 50 * GiB, now)).toBeUndefined()
    expect(promiseRefusal('volume a', 50 * GiB + 1, now)).toBe(
      "volume a needs 50.0 GiB more, but of this host's disk of 100.0 GiB at most 200 % may be promised (200.0 GiB) and 150.0 GiB are: delete volumes, or raise storage in the setting overcommit-config",
    )
    expect(promiseRefusal('volume a', 1, { ...now, percent: 100 })).toContain('at most 100 %')
  })

  it('is nothing while the disk is nearly full', () => {
    expect(promiseRefusal('volume a', 1, { ...now, freeBytes: GiB / 5 })).toContain('only 0.2 GiB')
  })
})

describe('the space of a host', () => {
  let root: string
  let driver: LocalDriver
  let client: Client
  let totalBytes: number

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'thresher-space-'))
    driver = new LocalDriver({ folders: new StorageFolders(root) })
    await driver.start()
    totalBytes = (await driver.room()).totalBytes
    client = new Client(new MemoryTransport())
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  const allow = (storage: number) =>
    client.resource(Setting).create({ metadata: { name: 'overcommit-config' }, value: JSON.stringify({ storage }) })

  it('counts volumes that are there, each by its size and not by what it takes', async () => {
    await allow(100)
    const space = new PromisedSpace(driver)
    const half = Math.floor(totalBytes / 2)
    await driver.create('pvc-1', { kind: 'empty' }, half)
    await expect(space.promise('pvc-2', totalBytes - half + 8192, client)).rejects.toMatchObject({ reason: 'NoSpace' })
    using _promised = await space.promise('pvc-2', totalBytes - half - 8192, client)
    // What is there already asks for nothing more.
    using _same = await space.promise('pvc-1', half, client)
    await expect(space.promise('pvc-1', half + GiB, client)).rejects.toThrow(/1\.0 GiB more/)
  })

  it('gives the same room only once, however many ask at the same time, and gives it again when it was not taken', async () => {
    await allow(100)
    const space = new PromisedSpace(driver)
    const third = Math.floor(totalBytes / 3)
    const asked = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => space.promise(`pvc-${n}`, third, client)))
    const given = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(given).toHaveLength(3)
    given[0]![Symbol.dispose]()
    using _again = await space.promise('pvc-9', third, client)
  })

  it('is twice the disk where no setting says otherwise', async () => {
    const space = new PromisedSpace(driver)
    using _promised = await space.promise('pvc-1', 2 * totalBytes, client)
    await expect(space.promise('pvc-2', 4096, client)).rejects.toThrow(/at most 200 %/)
  })
})
