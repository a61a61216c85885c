import { execFile } from 'node:child_process'
import { chownSync, chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isOnManagement } from '@thresher/api/pod-network'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { ComputeHost } from './host.ts'
import type { RunPlan } from './plan.ts'
import type { ResolvedNic, ResolvedVolume, RunPaths } from './qemu/input.ts'
import { writeSeedImage } from './seed-image.ts'

const run = promisify(execFile)

/** The files of one run. */
export interface RunFolders {
  folder: string
  secrets: string
  paths: RunPaths
  log: string
  tpmLog: string
  screen: string
  scratch: string
}

/** Where the files of the run with this UID are. */
export function foldersOf(host: ComputeHost, uid: string): RunFolders {
  const folder = join(host.runRoot, uid)
  return {
    folder,
    secrets: join(host.secretRoot, uid),
    paths: {
      qmp: join(folder, 'qmp.sock'),
      serial: join(folder, 'serial.sock'),
      vnc: join(folder, 'vnc.sock'),
      guestAgent: join(folder, 'ga.sock'),
      pidFile: join(folder, 'qemu.pid'),
      nvram: join(folder, 'nvram.fd'),
      tpm: join(folder, 'tpm.sock'),
    },
    log: join(folder, 'qemu.log'),
    tpmLog: join(folder, 'tpm.log'),
    screen: join(folder, 'screen.png'),
    scratch: join(host.dataRoot, 'scratch', uid),
  }
}

/** What QEMU will open, ready to be opened. */
export interface Prepared {
  volumes: Map<string, ResolvedVolume>
  nics: Map<string, ResolvedNic>
  /** Groups that QEMU must be in to open them. */
  groups: number[]
}

/** QEMU's name for a volume of a run. */
export function volumeNode({ places }: Pick<RunPlan, 'places'>, volume: string): string {
  return `vol${places.volumes[volume] ?? 0}`
}

/**
 * Ready the volumes, the network cards and the configuration disks, all at once.
 *
 * @param uid the user, and the group, that QEMU will run as
 */
export async function prepare(
  host: ComputeHost,
  plan: RunPlan,
  at: RunFolders,
  uid: number,
  signal: AbortSignal,
): Promise<Prepared> {
  const user = { uid, gid: uid }
  const groups: number[] = []
  const published = plan.volumes.map(async ({ name, id, readOnly, shared }): Promise<[string, ResolvedVolume]> => {
    const node = await host.storage.publish(id, { nodeName: volumeNode(plan, name), readOnly, user, shared })
    groups.push(...(node.groups ?? []))
    return [name, node]
  })
  const seeds = plan.seeds.map((seed, index) => prepareSeed(user, seed, at, index))
  const scratch = plan.scratch.map((disk, index) => prepareScratch(user, disk, at, index, signal))
  const nics = plan.nics.map(async (nic): Promise<[string, ResolvedNic]> => {
    const { uid: vmi = '' } = plan.vmi.metadata
    const plugged = await host.network.plug(
      {
        vmi,
        nic: nic.name,
        port: nic.port,
        mac: nic.mac,
        // The host reaches its guests on the management network alone.
        address: isOnManagement(nic) ? nic.ip : undefined,
        mtu: nic.mtu,
        owner: uid,
      },
      signal,
    )
    return [nic.name, { mac: nic.mac, ...plugged }]
  })
  const [volumes, cards] = await all([Promise.all([...published, ...seeds, ...scratch]), Promise.all(nics)])
  return { volumes: new Map(volumes), nics: new Map(cards), groups }
}

/** As `Promise.all`, but nothing is still at work when it rejects. */
async function all<A, B>(parts: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled(parts)
  return Promise.all(parts)
}

/** Make the folder for what must not reach a disk: QEMU's user passes through it to what it reads there. */
export function makeSecrets({ secrets }: RunFolders, user: FileOwner): string {
  mkdirSync(secrets, { recursive: true, mode: 0o710 })
  chownSync(secrets, 0, user.gid)
  chmodSync(secrets, 0o710)
  return secrets
}

async function prepareSeed(
  user: FileOwner,
  seed: RunPlan['seeds'][number],
  at: RunFolders,
  index: number,
): Promise<[string, ResolvedVolume]> {
  const image = join(makeSecrets(at, user), `seed${index}.iso`)
  await writeSeedImage(image, seed.label, seed.files, { ...user, groups: [] })
  const nodeName = `seed${index}`
  return [
    seed.name,
    {
      nodeName,
      seed: true,
      blockdevs: [
        { driver: 'file', 'node-name': `${nodeName}-file`, filename: image, 'read-only': true },
        { driver: 'raw', 'node-name': nodeName, file: `${nodeName}-file`, 'read-only': true },
      ],
      files: [{ path: image, access: 'read' }],
    },
  ]
}

async function prepareScratch(
  user: FileOwner,
  disk: RunPlan['scratch'][number],
  at: RunFolders,
  index: number,
  signal: AbortSignal,
): Promise<[string, ResolvedVolume]> {
  mkdirSync(at.scratch, { recursive: true, mode: 0o711 })
  const file = join(at.scratch, `${index}.qcow2`)
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', file, String(disk.bytes)], { signal })
  chmodSync(file, 0o600)
  chownSync(file, user.uid, user.gid)
  const nodeName = `scratch${index}`
  return [
    disk.name,
    {
      nodeName,
      seed: true,
      blockdevs: [
        { driver: 'file', 'node-name': `${nodeName}-file`, filename: file, discard: 'unmap' },
        { driver: 'qcow2', 'node-name': nodeName, file: `${nodeName}-file`, discard: 'unmap' },
      ],
      files: [{ path: file, access: 'write' }],
    },
  ]
}

/** Take a run's disks of its own away. */
export function removeOwnDisks(at: RunFolders): void {
  rmSync(at.secrets, { recursive: true, force: true })
  rmSync(at.scratch, { recursive: true, force: true })
}
