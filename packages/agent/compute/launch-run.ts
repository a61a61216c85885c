import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hasTpm } from '@thresher/api/kubevirt/tpm'
import type { FileOwner } from '../storage/storage-folders.ts'
import { Cgroup } from './cgroup.ts'
import type { ComputeHost } from './host.ts'
import type { RunPlan } from './plan.ts'
import { lastingFirmware } from './firmware-store.ts'
import { makeSecrets, prepare, type RunFolders } from './prepare.ts'
import { launch, type LaunchedProcess, type QemuUser } from './process.ts'
import { processorShare } from './processor-share.ts'
import { qemuConfig } from './qemu/config.ts'
import type { GrantedFile } from './qemu/input.ts'
import type { RunningConfig } from './run-state.ts'
import { startTpm } from './tpm/tpm-process.ts'
import { lastingTpm } from './tpm/tpm-store.ts'

/** All that QEMU will open is there. */
export interface ReadyRun {
  args: string[]
  user: QemuUser
  /** The folders of the files that QEMU opens, beside the run's own. */
  folders: { writable: string[]; readOnly: string[] }
  /** Where the run's TPM keeps its state, when it has one. */
  tpmState?: string
  cgroup: Cgroup
  config: RunningConfig
}

/**
 * Ready all that a run needs: volumes, cards, seeds, firmware, control group.
 *
 * @param uid the run's own user
 * @throws {UnsupportedSpecError} errors of storage and network; the signal's reason
 */
export async function readyRun(
  host: ComputeHost,
  plan: RunPlan,
  folders: RunFolders,
  uid: number,
  signal: AbortSignal,
): Promise<ReadyRun> {
  const [facts, prepared] = await Promise.all([host.facts, prepare(host, plan, folders, uid, signal)])
  signal.throwIfAborted()
  const { vmi } = plan
  const config = qemuConfig({
    vmi,
    host: facts,
    ...prepared,
    paths: folders.paths,
    places: plan.places,
    now: new Date(),
  })
  const lasting = lastingFirmware(vmi)
  const owner = { uid, gid: uid }
  const tpmState = hasTpm(vmi.spec.domain) ? tpmFolder(host, plan, folders, owner) : undefined
  if (config.nvramTemplate) host.firmware.provide(lasting, config.nvramTemplate, folders.paths.nvram, owner)
  const cgroup = new Cgroup(host.hierarchy, vmi.metadata.uid ?? '')
  const memoryBytes = Math.max(config.guestBytes + config.overheadBytes, plan.memoryLimitBytes ?? 0)
  cgroup.create({ ...processorShare(vmi, config.cpus), memoryBytes })
  const { args, files, nvramTemplate: _, uuid: __, ...rest } = config
  const fingerprint = createHash('sha256').update(args.join('\0')).digest('hex')
  const running = { ...rest, accelerator: facts.accelerator, fingerprint }
  const groups = [...new Set([host.user.gid, ...host.user.groups, ...prepared.groups])]
  return {
    args,
    user: { uid, gid: uid, groups },
    folders: foldersToSee(host, folders, files),
    ...(tpmState === undefined ? {} : { tpmState }),
    cgroup,
    config: { ...running, ...(lasting ? { lastingFirmware: lasting } : {}) },
  }
}

/** The folders of volumes, and those of other files that QEMU opens. */
function foldersToSee(host: ComputeHost, { folder }: RunFolders, files: readonly GrantedFile[]): ReadyRun['folders'] {
  const { writable, readOnly } = host.volumeFolders
  const seen = [folder, ...writable, ...readOnly]
  const others = files.filter(({ path }) => !path.startsWith('/usr/') && !seen.includes(dirname(path)))
  const foldersOf = (access: GrantedFile['access']): string[] =>
    others.flatMap((file) => (file.access === access ? [dirname(file.path)] : []))
  const written = new Set([...writable, ...foldersOf('write')])
  return {
    writable: [...written],
    readOnly: [...new Set([...readOnly, ...foldersOf('read')])].filter((one) => !written.has(one)),
  }
}

/** A TPM's memory that does not last lies with the run's secrets, which reach no disk. */
function tpmFolder(host: ComputeHost, { vmi }: RunPlan, at: RunFolders, user: FileOwner): string {
  const lasting = lastingTpm(vmi)
  if (lasting) return host.tpms.open(lasting, user)
  const folder = join(makeSecrets(at, user), 'tpm')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chownSync(folder, user.uid, user.gid)
  return folder
}

/** What was started. */
export interface LaunchedRun {
  qemu: LaunchedProcess
  tpm?: LaunchedProcess
}

/** Start QEMU, and before it the TPM that it connects to; its guest does not run yet. @throws {LaunchError} */
export async function launchRun(host: ComputeHost, ready: ReadyRun, at: RunFolders): Promise<LaunchedRun> {
  const { paths } = at
  for (const socket of [paths.qmp, paths.serial, paths.vnc, paths.guestAgent, paths.tpm])
    rmSync(socket, { force: true })
  const tpm = ready.tpmState === undefined ? undefined : await launchTpm(host, ready, ready.tpmState, at)
  return { qemu: await launchQemu(host, ready, at), ...(tpm ? { tpm } : {}) }
}

async function launchQemu(
  host: ComputeHost,
  { args, user, folders, cgroup }: ReadyRun,
  { folder, secrets, scratch, log }: RunFolders,
): Promise<LaunchedProcess> {
  const launching = { program: host.program, args, user, logFile: log, cgroup }
  const view = await host.view
  if (!view) return launch(launching)
  const own = [folder, secrets, scratch].filter((path) => existsSync(path))
  await using seen = await view.open({ own, ...folders })
  const launched = await launch({ ...launching, enter: seen.enter })
  await seen.entered(launched.identity)
  return launched
}

/** Of the host it sees its state and the folder of its socket. */
async function launchTpm(
  host: ComputeHost,
  { user, cgroup }: ReadyRun,
  stateFolder: string,
  { folder, paths, tpmLog }: RunFolders,
): Promise<LaunchedProcess> {
  // Of QEMU's groups it needs none.
  const options = { stateFolder, socket: paths.tpm, user: { ...user, groups: [] }, logFile: tpmLog, cgroup }
  const view = await host.view
  if (!view) return startTpm(options)
  await using seen = await view.open({ own: [folder, stateFolder], writable: [], readOnly: [] })
  const launched = await startTpm({ ...options, enter: seen.enter })
  await seen.entered(launched.identity)
  return launched
}
