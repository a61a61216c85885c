import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import type { Disk } from '@thresher/api/kubevirt/disk'
import type { Volume } from '@thresher/api/kubevirt/volume'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adoptRuns } from '../adopt-runs.ts'
import type { ComputeHost } from '../host.ts'
import { readState } from '../run-state.ts'
import { Run } from '../run.ts'
import { endRuns, testHost, testInstance, writeTestGuest } from '../testing.ts'
import { qemuDrives } from './qemu-drives.ts'
import { wantedDrives } from './wanted-drives.ts'

let folder: string
let host: ComputeHost
let runs: Run[]
let published: Set<string>
let logs: string[]
/** Control groups are named by it, on the whole host. */
let uid: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drives-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  logs = []
  uid = randomUUID()
  host = testHost(folder, logs)
  runs = []
  published = new Set()
  const { publish } = host.storage
  host.storage.publish = (id, options) => {
    published.add(id)
    return publish(id, options)
  }
  host.storage.unpublish = (id) => {
    published.delete(id)
    return Promise.resolve()
  }
})

afterEach(async () => {
  await endRuns(runs)
  rmSync(folder, { recursive: true, force: true })
})

/** A file that stands for a claim's volume. */
function file(name: string): string {
  const path = join(folder, `${name}.img`)
  writeTestGuest(path)
  chmodSync(path, 0o666)
  return path
}

const cdrom = { name: 'cd', cdrom: { bus: 'sata' } }

/** The instance with some hot-plugged volumes: a name is a SCSI disk, or the volume of the drive `cd`. */
function instance(names: string[], bus = 'scsi') {
  const vmi = testInstance(uid)
  const disks: Disk[] = [
    { name: 'root', disk: { bus: 'virtio' } },
    cdrom,
    ...names.filter((name) => name !== 'cd').map((name) => ({ name, disk: { bus } })),
  ]
  const volumes: Volume[] = [
    ...vmi.spec.volumes!,
    ...names.map((name) => ({ name, persistentVolumeClaim: { claimName: name, hotpluggable: true } })),
  ]
  return { ...vmi, spec: { ...vmi.spec, volumes, domain: { ...vmi.spec.domain, devices: { disks } } } }
}

async function start(names: string[] = []): Promise<Run> {
  const vmi = instance(names)
  const volumes = ['root', ...names].map((name) => ({
    name,
    id: file(name),
    readOnly: name === 'cd',
    shared: name === 'cd',
  }))
  const pod = { name: 'p', uid: 'p1' }
  const places = placeDevices(readPlaces(), vmi.spec)
  const run = Run.start(host, { vmi, places, pod, volumes, seeds: [], scratch: [], nics: [] }, () => {})
  runs.push(run)
  await until(run, () => run.view().step === 'running')
  return run
}

/** Wait for what a run becomes; else say how it is. */
async function until(run: Run, done: () => boolean): Promise<void> {
  await vi.waitUntil(done, { timeout: 15_000, interval: 5 }).catch(() => {
    const { drives, ...view } = run.view()
    throw new Error(`still ${JSON.stringify({ ...view, drives: [...(drives ?? [])] })}; log: ${logs.join(' | ')}`)
  })
}

/** Want the drives of an instance whose claims are files; those that are not there are missing. */
function want(run: Run, names: string[], bus = 'scsi', missing: string[] = []): void {
  const vmi = instance(names, bus)
  vmi.metadata = { ...vmi.metadata, annotations: { 'thresher.io/device-places': JSON.stringify(places(run)) } }
  const wanted = wantedDrives({
    vmi,
    claim: (name) => (missing.includes(name) ? undefined : ({ metadata: { uid: name }, spec: {} } as never)),
    volume: (id) => {
      const name = id.replace(/^pvc-/, '')
      const csi = { driver: 'local.thresher.io', volumeHandle: file(name) }
      return { metadata: {}, spec: { claimRef: { uid: name }, csi } } as never
    },
  })
  placesOf.set(run.uid, wanted.places)
  run.wantDevices(wanted, vmi, [])
}

/** As the controller keeps them on the instance. */
const placesOf = new Map<string, ReturnType<typeof readPlaces>>()
const places = (run: Run) => placesOf.get(run.uid) ?? placeDevices(readPlaces(), instance([]).spec)

/** What QEMU has: the drives with their nodes. */
async function inQemu(run: Run): Promise<Record<string, string | undefined>> {
  const { devices } = await run.control.monitor(qemuDrives)
  return Object.fromEntries([...devices].map(([device, { node }]) => [device, node]))
}

const names = (run: Run) =>
  run
    .view()
    .config!.disks.filter(({ nodeName }) => nodeName)
    .map(({ name }) => name)
    .toSorted()
const settled = (run: Run, wanted: string[]) =>
  until(run, () => names(run).join() === ['root', ...wanted].toSorted().join() && run.view().drives?.size === 0)

describe('the drives of a running guest', () => {
  afterEach(() => placesOf.clear())

  it('come and go, and when the first of three goes the others stay where they are', async () => {
    const run = await start()
    want(run, ['a', 'b', 'c'])
    await settled(run, ['a', 'b', 'c'])
    const before = await inQemu(run)
    expect(before).toMatchObject({ 'disk-a': 'vol1', 'disk-b': 'vol2', 'disk-c': 'vol3' })
    expect(run.view().config?.disks.map(({ target }) => target)).toEqual(['vda', 'sr0', 'sda', 'sdb', 'sdc'])
    want(run, ['b', 'c'])
    await settled(run, ['b', 'c'])
    const { 'disk-a': _, ...rest } = before
    expect(await inQemu(run)).toEqual(rest)
    expect(published).toEqual(new Set(['root', 'b', 'c'].map((name) => join(folder, `${name}.img`))))
    // What came last takes the place that is free.
    want(run, ['b', 'c', 'd'])
    await settled(run, ['b', 'c', 'd'])
    expect(await inQemu(run)).toMatchObject({ 'disk-d': 'vol1', 'disk-b': 'vol2', 'disk-c': 'vol3' })
  })

  it('that are there from the start can go, and are on virtio or SCSI', async () => {
    const run = await start(['a'])
    want(run, [])
    await settled(run, [])
    want(run, ['v'], 'virtio')
    await settled(run, ['v'])
    expect(run.view().config?.disks.at(-1)).toMatchObject({ name: 'v', target: 'vdb', hot: true })
  })

  it('on virtio are waited for when the guest does not let go of them', async () => {
    const run = await start()
    want(run, ['v'], 'virtio')
    await settled(run, ['v'])
    want(run, [])
    await until(run, () => run.view().drives?.get('v')?.phase === 'Detaching')
    expect(run.view().drives?.get('v')?.message).toContain('waits for the guest')
    expect(published).toContain(join(folder, 'v.img'))
  })

  it('take and give CD-ROMs', async () => {
    const run = await start()
    want(run, ['cd'])
    await settled(run, ['cd'])
    expect(await inQemu(run)).toMatchObject({ 'disk-cd': 'vol1' })
    want(run, [])
    await settled(run, [])
    expect((await inQemu(run))['disk-cd']).toBeUndefined()
    expect(published).not.toContain(join(folder, 'cd.img'))
    want(run, ['cd'])
    await settled(run, ['cd'])
  })

  it('go with all their files when a snapshot was taken of them while they were there', async () => {
    const run = await start()
    want(run, ['a'])
    await settled(run, ['a'])
    const later = join(folder, 'later.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', later, '1M'])
    chmodSync(later, 0o666)
    await run.control.monitor(async (qmp) => {
      const file = { driver: 'file', 'node-name': 'vol1-g1-file', filename: later }
      await qmp.execute('blockdev-add', file)
      const overlay = { driver: 'qcow2', 'node-name': 'vol1-g1', file: 'vol1-g1-file', backing: null }
      await qmp.execute('blockdev-add', overlay)
      const data = { node: 'vol1', overlay: 'vol1-g1' }
      await qmp.execute('transaction', { actions: [{ type: 'blockdev-snapshot', data }] })
    })
    want(run, ['a', 'b'])
    await settled(run, ['a', 'b'])
    want(run, ['b'])
    await settled(run, ['b'])
    expect(published).not.toContain(join(folder, 'a.img'))
    const { nodes } = await run.control.monitor(qemuDrives)
    expect([...nodes].filter((node) => node.startsWith('vol1'))).toEqual([])
  })

  it('wait for a claim by name, and one that cannot be opened keeps none of the others from coming', async () => {
    const run = await start()
    const { publish } = host.storage
    host.storage.publish = (id, options) =>
      id.endsWith('/broken.img') ? Promise.reject(new Error('the file is broken')) : publish(id, options)
    want(run, ['late', 'broken', 'good'], 'scsi', ['late'])
    await until(run, () => run.view().drives?.get('broken')?.reason === 'Failed')
    expect(run.view().drives?.get('late')).toMatchObject({
      phase: 'Pending',
      message: 'the volume late waits for the PersistentVolumeClaim late',
    })
    expect(run.view().drives?.get('broken')?.message).toBe('the file is broken')
    expect(names(run)).toEqual(['good', 'root'])
    host.storage.publish = publish
    want(run, ['late', 'broken', 'good'])
    await settled(run, ['late', 'broken', 'good'])
  })

  it('are left as they are while QEMU stands still, and come when it goes on', async () => {
    const run = await start()
    const { pid } = run.view().process!
    process.kill(pid, 'SIGSTOP')
    want(run, ['a'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(run.view()).toMatchObject({ step: 'running', config: { disks: [{ name: 'root' }, { name: 'cd' }] } })
    process.kill(pid, 'SIGCONT')
    await settled(run, ['a'])
  })

  it('say what to do when no port is free', async () => {
    const run = await start()
    const many = ['1', '2', '3', '4', '5']
    want(run, many, 'virtio')
    await until(run, () => run.view().drives?.get('5')?.reason === 'Failed')
    expect(run.view().drives?.get('5')?.message).toContain('attach the disk on scsi')
    expect(names(run)).toEqual(['1', '2', '3', '4', 'root'])
  })
})

describe('an agent that dies', () => {
  afterEach(() => placesOf.clear())

  /** A second agent's run of the same guest. */
  async function adopt(): Promise<Run> {
    const [run] = adoptRuns(host, () => {})
    runs.push(run!)
    await run!.reached
    return run!
  }

  /** Let the agent die before it sends its n-th command that changes something. */
  async function dieAt(run: Run, command: number): Promise<void> {
    let sent = 0
    await run.control.monitor((qmp) => {
      const execute = qmp.execute.bind(qmp)
      qmp.execute = ((name: Parameters<typeof execute>[0], ...rest: [never]) => {
        if (/^(blockdev|device|object)/.test(name) && sent++ >= command) {
          run.release()
          return Promise.reject(new Error('the agent died'))
        }
        return execute(name, ...rest)
      }) as typeof execute
      return Promise.resolve()
    })
  }

  for (const command of [0, 1, 2])
    it(`before command ${command} of attaching two disks leaves it to the next to attach them, or to clear up`, async () => {
      const first = await start()
      await dieAt(first, command)
      want(first, ['a', 'b'])
      await first.settled()
      const second = await adopt()
      want(second, ['b'])
      await settled(second, ['b'])
      expect(Object.keys(await inQemu(second)).toSorted()).toEqual(['disk-b', 'disk-cd', 'disk-root'])
      expect(published).toEqual(new Set([join(folder, 'root.img'), join(folder, 'b.img')]))
      const found = readState(second.folders.folder)
      expect(found.found === 'state' && found.state.holdings.filter(({ kind }) => kind === 'volume').length).toBe(2)
    })

  for (const command of [0, 1, 2, 3])
    it(`before command ${command} of detaching leaves it to the next`, async () => {
      const first = await start(['a', 'cd'])
      await dieAt(first, command)
      want(first, [])
      await first.settled()
      const second = await adopt()
      want(second, [])
      await settled(second, [])
      expect(published).toEqual(new Set([join(folder, 'root.img')]))
    })

  it('leaves a guest that ends to the next, which gives back what came while it ran', async () => {
    const first = await start()
    want(first, ['a'])
    await settled(first, ['a'])
    first.release()
    const second = await adopt()
    second.stop(0)
    await until(second, () => second.view().step === 'ended')
    await delay(0)
    expect(published.size).toBe(0)
  })
})
