import { createHash } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { Cgroup } from './cgroup.ts'
import type { ComputeHost } from './host.ts'
import type { RunPlan } from './plan.ts'
import { lastingFirmware } from './firmware-store.ts'
import { prepare, type RunFolders } from './prepare.ts'
import { launch, type LaunchedProcess, type QemuUser } from './process.ts'
import { processorShare } from './processor-share.ts'
import { qemuConfig } from './qemu/config.ts'
import type { GrantedFile } from './qemu/input.ts'
import type { RunningConfig } from './run-state.ts'

/** All that QEMU will open is there. */
export interface ReadyRun {
  args: string[]
  user: QemuUser
  /** The folders of the files that QEMU opens, beside the run's own. */
  folders: { writable: string[]; readOnly: string[] }
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
  if (config.nvramTemplate) host.firmware.provide(lasting, config.nvramTemplate, folders.paths.nvram, { uid, gid: uid })
  const cgroup = new Cgroup(host.hierarchy, vmi.metadata.uid ?? '')
  cgroup.create({ ...processorShare(vmi, config.cpus), memoryBytes: config.guestBytes + config.overheadBytes })
  const { args, files, nvramTemplate: _, uuid: __, ...rest } = config
  const fingerprint = createHash('sha256').update(args.join('\0')).digest('hex')
  const running = { ...rest, accelerator: facts.accelerator, fingerprint }
  const groups = [...new Set([host.user.gid, ...host.user.groups, ...prepared.groups])]
  return {
    args,
    user: { uid, gid: uid, groups },
    folders: foldersToSee(host, folders, files),
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

/** Start QEMU; its guest does not run yet. @throws {LaunchError} */
export async function launchRun(
  host: ComputeHost,
  { args, user, folders, cgroup }: ReadyRun,
  { folder, secrets, scratch, paths, log }: RunFolders,
): Promise<LaunchedProcess> {
  for (const socket of [paths.qmp, paths.serial, paths.vnc, paths.guestAgent]) rmSync(socket, { force: true })
  const launching = { program: host.program, args, user, logFile: log, cgroup }
  const view = await host.view
  if (!view) return launch(launching)
  const own = [folder, secrets, scratch].filter((path) => existsSync(path))
  await using seen = await view.open({ own, ...folders })
  const launched = await launch({ ...launching, enter: seen.enter })
  await seen.entered(launched.identity)
  return launched
}
