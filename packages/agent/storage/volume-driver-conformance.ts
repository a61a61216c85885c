import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BlockNode, VolumeDriver } from './volume-driver.ts'

const MiB = 1024 * 1024

/** A driver to be tried, on storage of its own. */
export interface DriverUnderTest extends AsyncDisposable {
  driver: VolumeDriver
  /** A finished image of 8 MiB whose first MiB is 0xab. */
  image: string
  /** The same storage, as a driver that was started anew sees it. */
  restarted(): Promise<VolumeDriver>
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

    beforeEach(async () => {
      under = await make()
      driver = under.driver
    })

    afterEach(async () => {
      for (const child of started.splice(0)) await end(child)
      await under[Symbol.asyncDispose]()
    })

    /** Run commands of qemu-io on a volume as a guest has it. @throws when a pattern differs */
    async function io(volume: string, ...commands: string[]): Promise<void> {
      const node = await driver.publish(volume)
      try {
        const options = node.blockdevs.toReversed().find((one) => one['node-name'] === node.nodeName)
        const said = execFileSync(
          'qemu-io',
          [...commands.flatMap((command) => ['-c', command]), '--image-opts', flat(resolved(options!, node))],
          { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
        )
        expect(said).not.toMatch(/verification failed|error/i)
      } finally {
        await driver.unpublish(volume)
      }
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
