import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenVolumes } from './open-volumes.ts'
import type { BlockNode, VolumeDriver } from './volume-driver.ts'

const MiB = 1024 * 1024

/** A driver to be tried, on storage of its own. */
export interface DriverUnderTest extends AsyncDisposable {
  driver: VolumeDriver
  /** A finished image of 8 MiB whose first MiB is 0xab. */
  image: string
  /** The same storage, as a driver that was started anew sees it. */
  restarted(): Promise<VolumeDriver>
  /** A guest that has these published volumes as its drives. One that is not written from within may see them grow. */
  startGuest(disks: Record<string, BlockNode>, isWritten?: boolean): Promise<DriverGuest>
}

/** A running guest, written and read from within. */
export interface DriverGuest extends OpenVolumes, AsyncDisposable {
  /** Commands of qemu-io on a drive. @throws {Error} when a pattern differs */
  io(volume: string, ...commands: string[]): Promise<void>
}

/** What the drivers under test are given for guests. */
export const guestUids = { first: 1_950_000_000, count: 65_536 }

/**
 * What every driver must do, whatever keeps its volumes. Content is read and written through what {@link VolumeDriver.publish}
 * gives, by real QEMU: the suite knows no files.
 *
 * @param make a started driver without volumes
 */
export function describeVolumeDriver(name: string, make: () => Promise<DriverUnderTest>): void {
  describe(`the volume driver ${name}`, () => {
    let under: DriverUnderTest
    let driver: VolumeDriver
    const started: ChildProcess[] = []
    const guests: DriverGuest[] = []

    beforeEach(async () => {
      under = await make()
      driver = under.driver
    })

    afterEach(async () => {
      for (const guest of guests.splice(0)) await guest[Symbol.asyncDispose]()
      for (const child of started.splice(0)) await end(child)
      await under[Symbol.asyncDispose]()
    })

    /** Run commands of qemu-io on a volume as a guest has it. @throws when a pattern differs */
    async function io(volume: string, ...commands: string[]): Promise<void> {
      const node = await driver.publish(volume)
      try {
        await ioOn(node, ...commands)
      } finally {
        await driver.unpublish(volume)
      }
    }

    async function ioOn(node: BlockNode, ...commands: string[]): Promise<void> {
      const options = node.blockdevs.toReversed().find((one) => one['node-name'] === node.nodeName)
      const mode = options?.['read-only'] ? ['-r'] : []
      const image = ['--image-opts', flat(resolved(options!, node))]
      const args = [...mode, ...commands.flatMap((command) => ['-c', command]), ...image]
      const said = execFileSync('qemu-io', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
      expect(said).not.toMatch(/verification failed|error/i)
    }

    /** A QEMU without a guest that opens these nodes; resolves when it did. */
    async function openInQemu(node: BlockNode): Promise<string> {
      const args = ['-machine', 'none', '-nodefaults', '-display', 'none', '-qmp', 'stdio']
      for (const blockdev of node.blockdevs) args.push('-blockdev', JSON.stringify(blockdev))
      const child = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'pipe'] })
      started.push(child)
      let said = ''
      child.stdout.on('data', (chunk) => (said += chunk))
      child.stderr.on('data', (chunk) => (said += chunk))
      child.stdin.write('{"execute":"qmp_capabilities"}{"execute":"query-named-block-nodes"}\n')
      while (child.exitCode === null && !said.includes('node-name')) await new Promise((done) => setTimeout(done, 10))
      return said
    }

    it('makes an empty volume of at least the size asked for, which reads as zeros', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 10 * MiB + 1)
      const info = await driver.inspect('pvc-1')
      expect(info!.bytes).toBeGreaterThan(10 * MiB)
      expect(info!.bytes).toBeLessThan(11 * MiB)
      expect(info).toMatchObject({ inUse: false, image: undefined })
      expect(await driver.list()).toEqual(['pvc-1'])
      await io('pvc-1', 'read -P 0 0 10M')
    })

    it('makes a volume with an image’s content, of which it writes nothing back', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      await driver.create('pvc-2', { kind: 'image', image: under.image }, 16 * MiB)
      await io('pvc-1', 'read -P 0xab 0 1M', 'read -P 0 1M 15M', 'write -P 0xcd 512k 1M')
      await io('pvc-1', 'read -P 0xab 0 512k', 'read -P 0xcd 512k 1M')
      await io('pvc-2', 'read -P 0xab 0 1M')
    })

    it('may be asked twice for the same volume, but not for another of its name', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await io('pvc-1', 'write -P 0x11 0 64k')
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await io('pvc-1', 'read -P 0x11 0 64k')
      await expect(driver.create('pvc-1', { kind: 'empty' }, 32 * MiB)).rejects.toMatchObject({ reason: 'Conflict' })
      const other = driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      await expect(other).rejects.toMatchObject({ reason: 'Conflict' })
    })

    it('refuses what cannot be, and leaves nothing behind', async () => {
      const small = driver.create('pvc-1', { kind: 'image', image: under.image }, 4 * MiB)
      await expect(small).rejects.toMatchObject({ reason: 'TooSmall' })
      const none = driver.create('pvc-1', { kind: 'image', image: 'elsewhere' }, 64 * MiB)
      await expect(none).rejects.toMatchObject({ reason: 'NotFound' })
      await expect(driver.create('pvc-1', { kind: 'volume', volume: 'gone' }, MiB)).rejects.toMatchObject({
        reason: 'NotFound',
      })
      await expect(driver.create('pvc-1', { kind: 'empty' }, 2 ** 52)).rejects.toMatchObject({ reason: 'NoSpace' })
      for (const bytes of [0, -1, 1.5, Number.NaN])
        await expect(driver.create('pvc-1', { kind: 'empty' }, bytes)).rejects.toMatchObject({ reason: 'Invalid' })
      expect(await driver.list()).toEqual([])
    })

    it.each(['', '../x', 'a/b', '.hidden', 'a.qcow2', 'x'.repeat(201), 'a\nb'])('refuses the name %j', async (id) => {
      await expect(driver.create(id, { kind: 'empty' }, MiB)).rejects.toMatchObject({ reason: 'Invalid' })
      await expect(driver.delete(id)).rejects.toMatchObject({ reason: 'Invalid' })
    })

    it('copies a volume into a larger one, and the two go their own ways', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      await io('pvc-1', 'write -P 0xcd 9M 1M')
      await driver.create('pvc-2', { kind: 'volume', volume: 'pvc-1' }, 32 * MiB)
      expect(await driver.inspect('pvc-2')).toMatchObject({ bytes: 32 * MiB })
      await io('pvc-2', 'read -P 0xab 0 1M', 'read -P 0xcd 9M 1M', 'write -P 0xee 9M 1M')
      await io('pvc-1', 'read -P 0xcd 9M 1M')
      await driver.delete('pvc-1')
      await io('pvc-2', 'read -P 0xab 0 1M', 'read -P 0xee 9M 1M', 'read -P 0 16M 16M')
    })

    it('grows a volume and keeps what is in it, and leaves it when asked for less', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      await io('pvc-1', 'write -P 0x22 15M 1M')
      await driver.grow('pvc-1', 48 * MiB)
      await driver.grow('pvc-1', 20 * MiB)
      expect(await driver.inspect('pvc-1')).toMatchObject({ bytes: 48 * MiB })
      await io('pvc-1', 'read -P 0xab 0 1M', 'read -P 0x22 15M 1M', 'read -P 0 16M 32M')
      await expect(driver.grow('gone', MiB)).rejects.toMatchObject({ reason: 'NotFound' })
    })

    it('publishes nodes that QEMU opens under the names asked for', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      const node = await driver.publish('pvc-1', { nodeName: 'disk-root' })
      expect(node).toMatchObject({ nodeName: 'disk-root', bytes: 16 * MiB })
      for (const blockdev of node.blockdevs) expect(blockdev['node-name']).toMatch(/^disk-root/)
      const said = await openInQemu(node)
      expect(said).not.toContain('error')
      for (const blockdev of node.blockdevs) expect(said).toContain(`"node-name": "${blockdev['node-name']}"`)
      await expect(driver.publish('pvc-1', { nodeName: 'Not A Name' })).rejects.toMatchObject({ reason: 'Invalid' })
    })

    it('publishes for reading only what must not be written', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      const node = await driver.publish('pvc-1', { readOnly: true })
      for (const blockdev of node.blockdevs) expect(blockdev['read-only']).toBe(true)
      expect(node.files.every(({ access }) => access === 'read')).toBe(true)
    })

    it('neither deletes nor grows what a guest has open, also after a restart of its own, and no two guests write it', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      const node = await driver.publish('pvc-1')
      await openInQemu(node)
      // As after a restart: nothing is known of the publishing.
      await driver.unpublish('pvc-1')
      expect(await driver.inspect('pvc-1')).toMatchObject({ inUse: true })
      await expect(driver.delete('pvc-1')).rejects.toMatchObject({ reason: 'InUse' })
      await expect(driver.grow('pvc-1', 32 * MiB)).rejects.toMatchObject({ reason: 'InUse' })
      expect(await openInQemu(node)).toContain('lock')
      for (const child of started.splice(0)) await end(child)
      expect(await driver.inspect('pvc-1')).toMatchObject({ inUse: false })
    })

    it.runIf(process.getuid?.() === 0)('opens a volume to its guest alone, until the guest gives it back', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      const [user, other] = [asUser(guestUids.first), asUser(guestUids.first + 1)]
      const node = await driver.publish('pvc-1', { user })
      const mayWrite = (one: Actor) => node.files.map(({ path }) => mayDo(one, '-w', path))
      expect(mayWrite(user)).toEqual([true])
      expect(mayWrite(other)).toEqual([false])
      // As when what is published is asked for again.
      await driver.publish('pvc-1', { user })
      await driver.unpublish('pvc-1', user)
      expect(mayWrite(user)).toEqual([false])
    })

    it.runIf(process.getuid?.() === 0)(
      'opens a volume that guests share to each of them, by its own group',
      async () => {
        await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
        await driver.create('pvc-2', { kind: 'empty' }, 16 * MiB)
        const publish = async (volume: string, nth: number): Promise<{ actor: Actor; path: string }> => {
          const user = asUser(guestUids.first + nth)
          const node = await driver.publish(volume, { user, shared: true })
          return { actor: { ...user, groups: node.groups ?? [] }, path: node.files[0]!.path }
        }
        const [one, two, three] = [await publish('pvc-1', 1), await publish('pvc-1', 2), await publish('pvc-2', 3)]
        expect([one, two].map(({ actor, path }) => mayDo(actor, '-w', path))).toEqual([true, true])
        expect([mayDo(three.actor, '-r', one.path), mayDo(one.actor, '-r', three.path)]).toEqual([false, false])
        await driver.unpublish('pvc-1', two.actor)
        expect(mayDo(one.actor, '-w', one.path)).toBe(true)
        await driver.unpublish('pvc-1', one.actor)
        expect(mayDo(one.actor, '-r', one.path)).toBe(false)
      },
    )

    it.runIf(process.getuid?.() === 0)(
      'opens what lies below to all who stand on it, to read and no more',
      async () => {
        await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
        await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
        await driver.create('pvc-2', { kind: 'snapshot', snapshot: 'snap-1' }, 16 * MiB)
        await io('pvc-1', 'write 0 64k')
        const users = [asUser(guestUids.first), asUser(guestUids.first + 1)]
        const publish = async (volume: string, user: Actor, running = false) => {
          const { files, groups = [] } = await driver.publish(volume, { user, running })
          return { actor: { ...user, groups: running ? [] : groups }, paths: files.map(({ path }) => path) }
        }
        const one = await publish('pvc-1', users[0]!)
        const two = await publish('pvc-2', users[1]!)
        for (const { actor, paths } of [one, two]) {
          expect(paths.map((path) => mayDo(actor, '-r', path))).toEqual(paths.map(() => true))
          expect(paths.map((path) => mayDo(actor, '-w', path))).toEqual(paths.map((_, depth) => depth === 0))
        }
        expect(mayDo(one.actor, '-r', two.paths[0]!)).toBe(false)
        await driver.unpublish('pvc-1', users[0])
        expect(two.paths.map((path) => mayDo(two.actor, '-r', path))).toEqual(two.paths.map(() => true))
        await driver.unpublish('pvc-2', users[1])
        expect(two.paths.map((path) => mayDo(two.actor, '-r', path))).toEqual(two.paths.map(() => false))
        const late = await publish('pvc-2', users[0]!, true)
        expect(late.paths.map((path) => mayDo(late.actor, '-r', path))).toEqual(late.paths.map(() => true))
      },
    )

    it.runIf(process.getuid?.() === 0)('takes back what guests had whose end nobody saw', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      const user = asUser(guestUids.first)
      const node = await driver.publish('pvc-1', { user })
      expect(await driver.reclaim()).toEqual([])
      // As after a restart: nothing is known of the publishing.
      const again = await under.restarted()
      expect(await again.reclaim()).toEqual(['pvc-1'])
      expect(mayDo(user, '-w', node.files[0]!.path)).toBe(false)
    })

    it('deletes a volume, and deleting it again is no error', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await driver.delete('pvc-1')
      await driver.delete('pvc-1')
      expect(await driver.inspect('pvc-1')).toBeUndefined()
      expect(await driver.list()).toEqual([])
      await expect(driver.publish('pvc-1')).rejects.toMatchObject({ reason: 'NotFound' })
    })

    /** A guest that has volumes open; the driver is told of it. */
    async function guestOf(volumes: string[], isWritten = true): Promise<DriverGuest> {
      const disks: Record<string, BlockNode> = {}
      for (const [at, volume] of volumes.entries())
        disks[volume] = await driver.publish(volume, { nodeName: `vol${at}` })
      const guest = await under.startGuest(disks, isWritten)
      guests.push(guest)
      driver.serve(guest)
      return guest
    }

    /** End a guest, as its agent does. */
    async function endGuest(guest: DriverGuest, ...volumes: string[]): Promise<void> {
      await guest[Symbol.asyncDispose]()
      for (const volume of volumes) await driver.unpublish(volume)
    }

    it('keeps a volume as it was, and makes volumes of that at any time', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      await io('pvc-1', 'write -P 0x11 1M 1M')
      await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
      await io('pvc-1', 'read -P 0x11 1M 1M', 'write -P 0x22 1M 1M', 'write -P 0x33 0 64k')
      expect(await driver.inspectSnapshot('snap-1')).toMatchObject({ volume: 'pvc-1', bytes: 16 * MiB })
      expect(await driver.listSnapshots()).toEqual(['snap-1'])
      await driver.create('pvc-2', { kind: 'snapshot', snapshot: 'snap-1' }, 32 * MiB)
      await io('pvc-2', 'read -P 0xab 0 1M', 'read -P 0x11 1M 1M', 'read -P 0 2M 30M', 'write -P 0x44 1M 1M')
      await io('pvc-1', 'read -P 0x33 0 64k', 'read -P 0x22 1M 1M')
      await driver.create('pvc-3', { kind: 'snapshot', snapshot: 'snap-1' }, 16 * MiB)
      await io('pvc-3', 'read -P 0x11 1M 1M')
      expect(await driver.list()).toHaveLength(3)
    })

    it('may be asked twice for a snapshot, but not for another of its name', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await driver.create('pvc-2', { kind: 'empty' }, 16 * MiB)
      await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
      const { createdAt } = (await driver.inspectSnapshot('snap-1'))!
      await io('pvc-1', 'write -P 0x11 0 64k')
      await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
      expect(await driver.inspectSnapshot('snap-1')).toMatchObject({ createdAt })
      await expect(driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-2' }])).rejects.toMatchObject({
        reason: 'Conflict',
      })
      await expect(driver.snapshot([{ snapshot: 'snap-2', volume: 'gone' }])).rejects.toMatchObject({
        reason: 'NotFound',
      })
      const small = driver.create('pvc-3', { kind: 'snapshot', snapshot: 'snap-1' }, 8 * MiB)
      await expect(small).rejects.toMatchObject({ reason: 'TooSmall' })
      const none = driver.create('pvc-3', { kind: 'snapshot', snapshot: 'gone' }, 8 * MiB)
      await expect(none).rejects.toMatchObject({ reason: 'NotFound' })
      expect(await driver.inspectSnapshot('gone')).toBeUndefined()
      await driver.deleteSnapshot('snap-1')
      await driver.deleteSnapshot('snap-1')
      expect(await driver.listSnapshots()).toEqual([])
    })

    it('lets a snapshot be read whatever becomes of it, and says how many files are newer than another', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await io('pvc-1', 'write -P 0x11 0 1M')
      await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
      await io('pvc-1', 'write -P 0x22 1M 1M')
      await driver.snapshot([{ snapshot: 'snap-2', volume: 'pvc-1' }])
      await io('pvc-1', 'write -P 0x33 0 4M')
      {
        await using open = await driver.openSnapshot('snap-2', { since: 'snap-1' })
        expect(open).toMatchObject({ newer: 1, node: { bytes: 16 * MiB } })
        await driver.deleteSnapshot('snap-2')
        await driver.deleteSnapshot('snap-1')
        await driver.delete('pvc-1')
        await driver.tidy()
        await ioOn(open.node, 'read -P 0x11 0 1M', 'read -P 0x22 1M 1M', 'read -P 0 2M 14M')
      }
      await driver.tidy()
      await expect(driver.openSnapshot('snap-2')).rejects.toMatchObject({ reason: 'NotFound' })
    })

    it('says that a snapshot stands on no other, where that is so', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await driver.create('pvc-2', { kind: 'empty' }, 16 * MiB)
      for (const at of [1, 2]) await driver.snapshot([{ snapshot: `snap-${at}`, volume: `pvc-${at}` }])
      for (const since of ['snap-2', 'gone', undefined]) {
        await using open = await driver.openSnapshot('snap-1', { since })
        expect(open.newer).toBeUndefined()
      }
    })

    it.each(['', '../x', 'a/b', '.hidden', 'x'.repeat(201)])('refuses the name %j for a snapshot', async (snapshot) => {
      await driver.create('pvc-1', { kind: 'empty' }, MiB)
      await expect(driver.snapshot([{ snapshot, volume: 'pvc-1' }])).rejects.toMatchObject({ reason: 'Invalid' })
      await expect(driver.deleteSnapshot(snapshot)).rejects.toMatchObject({ reason: 'Invalid' })
    })

    it('keeps the snapshots of a volume that is deleted', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await io('pvc-1', 'write -P 0x11 0 1M')
      await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
      await driver.create('pvc-2', { kind: 'volume', volume: 'pvc-1' }, 16 * MiB)
      await driver.delete('pvc-1')
      await driver.tidy()
      expect(await driver.list()).toEqual(['pvc-2'])
      expect(await driver.inspect('pvc-1')).toBeUndefined()
      await driver.create('pvc-3', { kind: 'snapshot', snapshot: 'snap-1' }, 16 * MiB)
      await driver.deleteSnapshot('snap-1')
      await driver.tidy()
      for (const volume of ['pvc-2', 'pvc-3']) await io(volume, 'read -P 0x11 0 1M')
      for (const volume of ['pvc-2', 'pvc-3']) await driver.delete(volume)
      expect(await driver.tidy()).toBe(false)
      expect(await driver.list()).toEqual([])
    })

    it.each([
      ['the first', ['snap-1']],
      ['the middle one', ['snap-2']],
      ['the last', ['snap-3']],
      ['all', ['snap-2', 'snap-1', 'snap-3']],
    ])('gives back the space of snapshots that are deleted, and changes no other: %s', async (_, gone) => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      for (const at of [1, 2, 3]) {
        await io('pvc-1', `write -P ${at} ${at}M 2M`)
        await driver.snapshot([{ snapshot: `snap-${at}`, volume: 'pvc-1' }])
      }
      await io('pvc-1', 'write -P 4 4M 2M')
      for (const snapshot of gone) await driver.deleteSnapshot(snapshot)
      expect(await driver.tidy()).toBe(false)
      await io('pvc-1', 'read -P 0xab 0 1M', 'read -P 1 1M 1M', 'read -P 2 2M 1M', 'read -P 3 3M 1M', 'read -P 4 4M 2M')
      for (const at of [1, 2, 3].filter((one) => !gone.includes(`snap-${one}`))) {
        await driver.create(`pvc-s${at}`, { kind: 'snapshot', snapshot: `snap-${at}` }, 16 * MiB)
        await io(`pvc-s${at}`, 'read -P 1 1M 1M', `read -P ${at} ${at}M 2M`, `read -P 0 ${Math.max(at + 2, 3)}M 8M`)
      }
    })

    it('keeps volumes as they are while a guest writes them, all at one instant', async () => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      await driver.create('pvc-2', { kind: 'empty' }, 16 * MiB)
      const guest = await guestOf(['pvc-1', 'pvc-2'])
      await guest.io('pvc-1', 'write -P 0x11 1M 1M')
      await guest.io('pvc-2', 'write -P 0x12 1M 1M')
      await driver.snapshot(['1', '2'].map((at) => ({ snapshot: `snap-${at}`, volume: `pvc-${at}` })))
      await guest.io('pvc-1', 'read -P 0xab 0 1M', 'read -P 0x11 1M 1M', 'write -P 0x21 1M 1M')
      await guest.io('pvc-2', 'read -P 0x12 1M 1M', 'write -P 0x22 1M 1M')
      for (const at of ['1', '2'])
        await driver.create(`pvc-s${at}`, { kind: 'snapshot', snapshot: `snap-${at}` }, 16 * MiB)
      await io('pvc-s1', 'read -P 0x11 1M 1M')
      await io('pvc-s2', 'read -P 0x12 1M 1M')
      await expect(driver.delete('pvc-1')).rejects.toMatchObject({ reason: 'InUse' })
      await endGuest(guest, 'pvc-1', 'pvc-2')
      await driver.tidy()
      await io('pvc-1', 'read -P 0xab 0 1M', 'read -P 0x21 1M 1M')
      await io('pvc-2', 'read -P 0x22 1M 1M')
    })

    it('copies a volume that a guest writes, and reads it out as it is at that moment', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      const guest = await guestOf(['pvc-1'])
      await guest.io('pvc-1', 'write -P 0x11 1M 1M')
      await driver.create('pvc-2', { kind: 'volume', volume: 'pvc-1' }, 16 * MiB)
      await guest.io('pvc-1', 'write -P 0x22 1M 1M')
      {
        await using frozen = await driver.freeze('pvc-1')
        await guest.io('pvc-1', 'write -P 0x33 1M 1M')
        await driver.tidy()
        const said = execFileSync('qemu-io', ['-r', '-U', '-f', 'qcow2', '-c', 'read -P 0x22 1M 1M', frozen.path], {
          encoding: 'utf8',
        })
        expect(said).not.toMatch(/failed|error/i)
      }
      await io('pvc-2', 'read -P 0x11 1M 1M')
      await guest.io('pvc-1', 'read -P 0x33 1M 1M')
    })

    it('grows a volume that a guest has open, also after a snapshot', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      const guest = await guestOf(['pvc-1'], false)
      await driver.grow('pvc-1', 32 * MiB)
      await driver.snapshot([{ snapshot: 'snap-1', volume: 'pvc-1' }])
      await driver.grow('pvc-1', 48 * MiB)
      expect(await driver.inspect('pvc-1')).toMatchObject({ bytes: 48 * MiB })
      await endGuest(guest, 'pvc-1')
      await io('pvc-1', 'write -P 0x11 47M 1M')
      expect(await driver.inspectSnapshot('snap-1')).toMatchObject({ bytes: 32 * MiB })
    })

    it.each([
      ['the first', ['snap-1']],
      ['the middle one', ['snap-2']],
      ['the last', ['snap-3']],
      ['all', ['snap-2', 'snap-1', 'snap-3']],
    ])('deletes snapshots while a guest writes the volume: %s', async (_, gone) => {
      await driver.create('pvc-1', { kind: 'image', image: under.image }, 16 * MiB)
      const guest = await guestOf(['pvc-1'])
      for (const at of [1, 2, 3]) {
        await guest.io('pvc-1', `write -P ${at} ${at}M 2M`)
        await driver.snapshot([{ snapshot: `snap-${at}`, volume: 'pvc-1' }])
      }
      await guest.io('pvc-1', 'write -P 4 4M 2M')
      for (const snapshot of gone) await driver.deleteSnapshot(snapshot)
      await driver.tidy()
      const now = ['read -P 0xab 0 1M', 'read -P 1 1M 1M', 'read -P 2 2M 1M', 'read -P 3 3M 1M', 'read -P 4 4M 2M']
      await guest.io('pvc-1', ...now, 'write -P 5 6M 1M')
      const left = [1, 2, 3].filter((one) => !gone.includes(`snap-${one}`))
      for (const at of left) {
        await driver.create(`pvc-s${at}`, { kind: 'snapshot', snapshot: `snap-${at}` }, 16 * MiB)
        await io(`pvc-s${at}`, 'read -P 1 1M 1M', `read -P ${at} ${at}M 2M`, `read -P 0 ${Math.max(at + 2, 3)}M 8M`)
      }
      await endGuest(guest, 'pvc-1')
      expect(await driver.tidy()).toBe(false)
      await io('pvc-1', ...now, 'read -P 5 6M 1M')
    })

    it('keeps its volumes over a start, which may come at any time', async () => {
      await driver.create('pvc-1', { kind: 'empty' }, 16 * MiB)
      await io('pvc-1', 'write -P 0x33 0 64k')
      expect(await driver.start()).toEqual([])
      await io('pvc-1', 'read -P 0x33 0 64k')
      const { totalBytes, freeBytes } = await driver.room()
      expect(freeBytes).toBeLessThanOrEqual(totalBytes)
    })
  })
}

/** Who tries to open a file. */
interface Actor {
  uid: number
  gid: number
  groups?: number[]
}

function asUser(uid: number): Actor {
  return { uid, gid: uid }
}

/** Whether a user may do something with a file, by test(1): `-r`, `-w`. */
function mayDo({ uid, gid, groups = [] }: Actor, what: string, path: string): boolean {
  const as = [`--reuid=${uid}`, `--regid=${gid}`, groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups']
  return spawnSync('setpriv', [...as, 'test', what, path]).status === 0
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A node with those it names in place of their names, as one nested description. */
function resolved(options: Record<string, unknown>, node: BlockNode): Record<string, unknown> {
  const named = (name: unknown) => node.blockdevs.find((one) => one['node-name'] === name)
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      const child = key === 'node-name' ? undefined : named(value)
      return [key, child ? resolved(child, node) : value]
    }),
  )
}

/** The dotted form that `--image-opts` takes. */
function flat(options: Record<string, unknown>, prefix = ''): string {
  return Object.entries(options)
    .flatMap(([key, value]) => {
      if (value === null || value === undefined) return []
      const name = `${prefix}${key}`
      if (typeof value === 'object') return [flat(value as Record<string, unknown>, `${name}.`)]
      return [
        `${name}=${typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value as string).replaceAll(',', ',,')}`,
      ]
    })
    .join(',')
}
