import { execFileSync } from 'node:child_process'
import { linkSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestGuest } from '../compute/testing-guest.ts'
import { LocalDriver } from './local.ts'
import { noOpenVolumes, SwitchUnknownError, type OpenVolumes } from './open-volumes.ts'
import { StorageFolders } from './storage-folders.ts'

const MiB = 1024 * 1024

let root: string
let folders: StorageFolders
let driver: LocalDriver
let guest: TestGuest | undefined

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-crash-'))
  folders = new StorageFolders(root)
  driver = await started()
  await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
})

afterEach(async () => {
  await guest?.[Symbol.asyncDispose]()
  guest = undefined
  rmSync(root, { recursive: true, force: true })
})

/** The driver of an agent that has just started. */
async function started(open?: OpenVolumes): Promise<LocalDriver> {
  const made = new LocalDriver({ folders })
  await made.start()
  if (open) made.serve(open)
  return made
}

async function startGuest(): Promise<TestGuest> {
  guest = await TestGuest.start({ 'pvc-1': await driver.publish('pvc-1', { nodeName: 'vol0' }) })
  driver.serve(guest)
  return guest
}

/** Commands of qemu-io on a volume that nobody has open. */
async function io(volume: string, ...commands: string[]): Promise<void> {
  const node = await driver.publish(volume)
  await driver.unpublish(volume)
  const args = commands.flatMap((command) => ['-c', command])
  const said = execFileSync('qemu-io', ['-f', 'qcow2', ...args, node.files[0]!.path], { encoding: 'utf8' })
  expect(said).not.toMatch(/failed|error/i)
}

const files = () => readdirSync(folders.volumes).toSorted()
const snap = (at: number) => driver.snapshot([{ snapshot: `snap-${at}`, volume: 'pvc-1' }])
const died = new Error('the agent died here')

/** What a guest can do, with an agent that dies before or after one of it. */
function dying(at: 'before' | 'after', method: 'switchLayers' | 'mergeLayers'): OpenVolumes {
  const real = guest!
  const dies = async (work: () => Promise<unknown>): Promise<never> => {
    if (at === 'after') await work()
    throw died
  }
  return {
    resize: (volume, bytes) => real.resize(volume, bytes),
    switchLayers: (switches) =>
      method === 'switchLayers' ? dies(() => real.switchLayers(switches)) : real.switchLayers(switches),
    mergeLayers: (...args) =>
      method === 'mergeLayers' ? dies(() => real.mergeLayers(...args)) : real.mergeLayers(...args),
  }
}

describe('an agent that dies while it takes a snapshot', () => {
  it.each(['before', 'after'] as const)('%s the guest writes the new file: the next agent takes it', async (at) => {
    const running = await startGuest()
    await running.io('pvc-1', 'write -P 0x11 0 1M')
    driver.serve(dying(at, 'switchLayers'))
    await expect(snap(1)).rejects.toBe(died)
    await running.io('pvc-1', 'write -P 0x22 0 1M')
    driver = await started(running)
    expect(await driver.inspectSnapshot('snap-1')).toBeUndefined()
    expect(await driver.inspect('pvc-1')).toMatchObject({ inUse: true })
    await snap(1)
    await running.io('pvc-1', 'write -P 0x33 0 1M')
    await driver.create('pvc-2', { kind: 'snapshot', snapshot: 'snap-1' }, 16 * MiB)
    await driver.tidy()
    await io('pvc-2', 'read -P 0x22 0 1M')
    await running.io('pvc-1', 'read -P 0x33 0 1M')
  })

  it.each(['before', 'after'] as const)(
    '%s the guest writes the new file, and then the power fails: nothing is lost',
    async (at) => {
      const running = await startGuest()
      await running.io('pvc-1', 'write -P 0x11 0 1M')
      driver.serve(dying(at, 'switchLayers'))
      await expect(snap(1)).rejects.toBe(died)
      await running.io('pvc-1', 'write -P 0x22 1M 1M', 'flush')
      await running.kill()
      driver = await started()
      await io('pvc-1', 'read -P 0x11 0 1M', 'read -P 0x22 1M 1M')
      expect(await driver.tidy()).toBe(false)
      await io('pvc-1', 'read -P 0x11 0 1M', 'read -P 0x22 1M 1M')
      expect(files()).toHaveLength(1)
    },
  )

  it('because QEMU does not answer: whichever file is written, nothing is lost, and no file is left in the end', async () => {
    const running = await startGuest()
    for (const at of ['before', 'after'] as const) {
      const unsure: OpenVolumes = {
        ...dying(at, 'switchLayers'),
        switchLayers: async (switches) => {
          if (at === 'after') await running.switchLayers(switches)
          throw new SwitchUnknownError('QEMU did not answer')
        },
      }
      driver.serve(unsure)
      await running.io('pvc-1', `write -P ${at.length} 0 1M`)
      await expect(snap(1)).rejects.toBeInstanceOf(SwitchUnknownError)
      await running.io('pvc-1', `read -P ${at.length} 0 1M`)
    }
    driver.serve(running)
    await snap(1)
    await driver.deleteSnapshot('snap-1')
    await running.kill()
    await driver.unpublish('pvc-1')
    expect(await driver.tidy()).toBe(false)
    expect(files()).toHaveLength(1)
    await io('pvc-1', 'read -P 5 0 1M')
  })

  it('that is refused again and again leaves no file behind', async () => {
    await startGuest()
    driver.serve({ ...noOpenVolumes, switchLayers: () => Promise.reject(new Error('QEMU refused it')) })
    for (let tries = 0; tries < 3; tries++) await expect(snap(1)).rejects.toThrow('QEMU refused it')
    driver.serve(noOpenVolumes)
    for (let tries = 0; tries < 3; tries++) await expect(snap(1)).rejects.toMatchObject({ reason: 'InUse' })
    expect(files()).toEqual(['pvc-1.qcow2'])
  })

  it('when only one of two is recorded: the other is taken anew', async () => {
    await driver.create('pvc-2', { kind: 'empty' }, 16 * MiB)
    const both = [1, 2].map((at) => ({ snapshot: `snap-${at}`, volume: `pvc-${at}` }))
    await driver.snapshot(both)
    rmSync(folders.snapshot('snap-2'))
    const { createdAt } = (await driver.inspectSnapshot('snap-1'))!
    driver = await started()
    await driver.snapshot(both)
    expect(await driver.inspectSnapshot('snap-1')).toMatchObject({ createdAt })
    expect(await driver.inspectSnapshot('snap-2')).toMatchObject({ volume: 'pvc-2' })
  })

  it('before a file has its name: the next agent removes it', async () => {
    writeFileSync(join(folders.volumes, '.new-abc'), 'half')
    writeFileSync(join(folders.snapshots, '.new-def'), 'half')
    expect(await new LocalDriver({ folders }).start()).toEqual(['.new-abc', '.new-def'])
  })
})

describe('an agent that dies while it merges files', () => {
  /** Three files, of which the lower two are to be one. */
  async function twoSnapshots(write: (...commands: string[]) => Promise<void>): Promise<void> {
    for (const at of [1, 2]) {
      await write(`write -P ${at} ${at}M 2M`)
      await snap(at)
    }
    await write('write -P 3 3M 1M')
    await driver.deleteSnapshot('snap-1')
  }
  const content = ['read -P 0 0 1M', 'read -P 1 1M 1M', 'read -P 2 2M 1M', 'read -P 3 3M 1M', 'read -P 0 4M 12M']

  it('after the data are copied, before the name is changed: the next agent copies them again', async () => {
    await twoSnapshots((...commands) => io('pvc-1', ...commands))
    execFileSync('qemu-img', ['commit', '-q', '-f', 'qcow2', '-d', folders.layer('pvc-1.1')])
    driver = await started()
    await io('pvc-1', ...content)
    expect(await driver.tidy()).toBe(false)
    expect(files()).toEqual(['pvc-1.1.qcow2', 'pvc-1.2.qcow2'])
    await io('pvc-1', ...content)
  })

  it('in a guest, which goes on with it: the next agent finds the result', async () => {
    const running = await startGuest()
    await twoSnapshots((...commands) => running.io('pvc-1', ...commands))
    await running.qmp.execute('block-commit', {
      'job-id': 'merge-vol0',
      device: 'vol0-g2',
      'top-node': 'vol0-g1',
      'base-node': 'vol0',
      'backing-file': 'pvc-1.1.qcow2',
      'auto-dismiss': false,
    })
    driver = await started(running)
    await driver.tidy()
    expect(await running.files('pvc-1')).toEqual(['pvc-1.2.qcow2', 'pvc-1.qcow2'])
    expect(await running.qmp.execute('query-jobs', {})).toEqual([])
    await running.io('pvc-1', ...content)
    await running.kill()
    expect(await driver.tidy()).toBe(false)
    expect(files()).toEqual(['pvc-1.1.qcow2', 'pvc-1.2.qcow2'])
    await io('pvc-1', ...content)
  })

  it.each(['before', 'after'] as const)('in a guest, %s the chain is shorter: the next agent goes on', async (at) => {
    const running = await startGuest()
    await twoSnapshots((...commands) => running.io('pvc-1', ...commands))
    driver.serve(dying(at, 'mergeLayers'))
    await expect(driver.tidy()).rejects.toBe(died)
    await running.io('pvc-1', ...content, 'write -P 5 5M 1M')
    driver = await started(running)
    await driver.tidy()
    expect(await running.files('pvc-1')).toEqual(['pvc-1.2.qcow2', 'pvc-1.qcow2'])
    await running.kill()
    await driver.tidy()
    await io('pvc-1', ...content.slice(0, 4), 'read -P 5 5M 1M')
    await driver.create('pvc-2', { kind: 'snapshot', snapshot: 'snap-2' }, 16 * MiB)
    await io('pvc-2', 'read -P 2 2M 2M', 'read -P 0 5M 1M')
  })

  it('with the file under both names: nothing is lost, and one name goes', async () => {
    await twoSnapshots((...commands) => io('pvc-1', ...commands))
    execFileSync('qemu-img', ['commit', '-q', '-f', 'qcow2', '-d', folders.layer('pvc-1.1')])
    rmSync(folders.layer('pvc-1.1'))
    linkSync(folders.layer('pvc-1'), folders.layer('pvc-1.1'))
    linkSync(folders.layer('pvc-1'), join(folders.volumes, '.new-link'))
    driver = await started()
    expect(await driver.tidy()).toBe(false)
    expect(files()).toEqual(['pvc-1.1.qcow2', 'pvc-1.2.qcow2'])
    await io('pvc-1', ...content)
  })

  it('makes way at once for a guest that wants to start', async () => {
    await io('pvc-1', 'write -P 1 0 8M')
    await snap(1)
    await io('pvc-1', 'write -P 2 4M 8M')
    await driver.deleteSnapshot('snap-1')
    const [left] = await Promise.all([driver.tidy(), driver.publish('pvc-1')])
    await driver.unpublish('pvc-1')
    if (left) expect(await driver.tidy()).toBe(false)
    expect(files()).toHaveLength(1)
    await io('pvc-1', 'read -P 1 0 4M', 'read -P 2 4M 8M')
  })
})

describe('an agent that dies while it deletes a volume', () => {
  it('of which snapshots stay: the volume is gone, the snapshots are there, and nothing is left after them', async () => {
    await io('pvc-1', 'write -P 1 0 1M')
    await snap(1)
    writeFileSync(folders.tombstone('pvc-1'), '')
    driver = await started()
    expect(await driver.list()).toEqual([])
    await driver.tidy()
    expect(files()).toEqual(['pvc-1.deleted', 'pvc-1.qcow2'])
    await driver.create('pvc-2', { kind: 'snapshot', snapshot: 'snap-1' }, 16 * MiB)
    await driver.deleteSnapshot('snap-1')
    expect(await driver.tidy()).toBe(false)
    expect(files()).toEqual(['pvc-2.qcow2'])
    await io('pvc-2', 'read -P 1 0 1M')
  })
})

describe('what is recorded of a snapshot', () => {
  it.each([
    ['not whole', '{"version":1', 'it is not whole'],
    ['of a newer agent', JSON.stringify({ version: 2 }), 'it is of version 2, written by a newer agent'],
    [
      'of another form',
      JSON.stringify({ version: 1, volume: 'pvc-1', layer: '../x', createdAt: 'now' }),
      'layer names no layer',
    ],
  ])('and cannot be read (%s) is left alone, and so are all files', async (_, content, why) => {
    await snap(1)
    await snap(2)
    await driver.deleteSnapshot('snap-2')
    writeFileSync(folders.snapshot('snap-1'), content)
    const before = files()
    driver = await started()
    await expect(driver.inspectSnapshot('snap-1')).rejects.toMatchObject({
      reason: 'Corrupt',
      message: expect.stringContaining(why),
    })
    await expect(driver.deleteSnapshot('snap-1')).rejects.toMatchObject({ reason: 'Corrupt' })
    await driver.tidy()
    expect(files()).toEqual(before)
    await io('pvc-1', 'read -P 0 0 1M')
  })
})
