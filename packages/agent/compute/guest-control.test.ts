import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LocalDriver } from '../storage/local.ts'
import { StorageFolders } from '../storage/storage-folders.ts'
import { GuestControl } from './guest-control.ts'
import type { RunFolders } from './prepare.ts'
import { TestGuest } from './testing-guest.ts'

let folder: string
let agent: Server
/** What the guest's agent was asked, without the handshake, and what QEMU did between. */
let log: string[]
let refuses: string | undefined
let guest: TestGuest
let driver: LocalDriver
let control: GuestControl

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'control-'))
  log = []
  refuses = undefined
  agent = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const line of chunk.toString('latin1').split('\n')) {
        const start = line.indexOf('{')
        if (start < 0) continue
        const { execute, arguments: given } = JSON.parse(line.slice(start)) as {
          execute: string
          arguments?: { id?: number }
        }
        if (execute === 'guest-sync-delimited') {
          socket.write(Buffer.concat([Buffer.from([0xff]), Buffer.from(`${JSON.stringify({ return: given?.id })}\n`)]))
          continue
        }
        log.push(execute)
        socket.write(
          `${JSON.stringify(refuses !== undefined && execute.startsWith(refuses) ? { error: { desc: 'no' } } : { return: 1 })}\n`,
        )
      }
    })
  })
  await new Promise<void>((done) => agent.listen(join(folder, 'ga.sock'), done))
  driver = new LocalDriver({ folders: new StorageFolders(join(folder, 'data')) })
  await driver.start()
  await driver.create('pvc-1', { kind: 'empty' }, 16 * 1024 * 1024)
  guest = await TestGuest.start({ 'pvc-1': await driver.publish('pvc-1', { nodeName: 'vol0' }) })
  control = controlOf(true)
})

afterEach(async () => {
  await guest[Symbol.asyncDispose]()
  agent.close()
  rmSync(folder, { recursive: true, force: true })
})

function controlOf(hasAgent: boolean): GuestControl {
  const made = new GuestControl({
    name: 'guest',
    folders: { folder, paths: { guestAgent: join(folder, 'ga.sock') } } as RunFolders,
    user: () => process.getuid?.() ?? 0,
    running: (task) => {
      log.push('qemu')
      return task(guest.qmp)
    },
    isPaused: () => false,
    reboot: () => {},
    hasGuestAgent: () => hasAgent,
    nodeOf: (volume) => (volume === 'pvc-1' ? 'vol0' : undefined),
  })
  driver.serve({
    resize: (volume, bytes) => made.growVolume(volume.handle, bytes),
    switchLayers: async (switches, freeze) => ({
      switched: switches.map(({ volume }) => volume.handle),
      frozen: await made.switchLayers(switches, freeze),
    }),
    mergeLayers: async (merge, signal) => {
      await made.mergeLayers(merge, signal)
      return true
    },
  })
  return made
}

const snapshot = (freeze: boolean) => driver.snapshot([{ snapshot: `snap-${log.length}`, volume: 'pvc-1' }], { freeze })

describe('a guest whose volumes are snapshotted', () => {
  it('stands still meanwhile, by its agent, and no longer', async () => {
    expect(await snapshot(true)).toEqual({ frozen: true })
    expect(log).toEqual(['guest-fsfreeze-freeze', 'qemu', 'guest-fsfreeze-thaw'])
  })

  it('goes on without its agent where that is not wanted, not there, or refuses', async () => {
    expect(await snapshot(false)).toEqual({ frozen: false })
    expect(log).toEqual(['qemu'])
    refuses = 'guest-fsfreeze-freeze'
    expect(await snapshot(true)).toEqual({ frozen: false })
    expect(log.slice(1)).toEqual(['guest-fsfreeze-freeze', 'guest-fsfreeze-thaw', 'qemu'])
    control = controlOf(false)
    expect(await snapshot(true)).toEqual({ frozen: false })
    expect(log.slice(4)).toEqual(['qemu'])
  })

  it('whose agent can neither hold it nor let it go on is not asked again', async () => {
    refuses = 'guest-fsfreeze-'
    await snapshot(true)
    log.length = 0
    await control.thawLeft()
    expect(log).toEqual([])
  })

  it('goes on also when QEMU refuses', async () => {
    await guest.kill()
    await expect(control.switchLayers([], true)).rejects.toThrow('QEMU')
    expect(log).toEqual(['guest-fsfreeze-freeze', 'qemu', 'guest-fsfreeze-thaw'])
  })

  it('goes on when the next agent comes, after one that died in between', async () => {
    await control.thawLeft()
    expect(log).toEqual([])
    writeFileSync(join(folder, 'frozen'), '')
    await control.thawLeft()
    await control.thawLeft()
    expect(log).toEqual(['guest-fsfreeze-thaw'])
  })

  it('grows after a snapshot, in the file that it writes then', async () => {
    await guest[Symbol.asyncDispose]()
    guest = await TestGuest.start({ 'pvc-1': await driver.publish('pvc-1', { nodeName: 'vol0' }) }, false)
    await snapshot(false)
    await driver.grow('pvc-1', 32 * 1024 * 1024)
    expect(await driver.inspect('pvc-1')).toMatchObject({ bytes: 32 * 1024 * 1024 })
  })
})
