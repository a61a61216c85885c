import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { Cgroup } from './cgroup.ts'
import type { ComputeHost } from './host.ts'
import type { RunPlan } from './plan.ts'
import { lastingFirmware } from './firmware-store.ts'
import { prepare, type RunFolders } from './prepare.ts'
import { launch, type LaunchedProcess } from './process.ts'
import { processorShare } from './processor-share.ts'
import { qemuConfig } from './qemu/config.ts'
import type { RunningConfig } from './run-state.ts'

/** All that QEMU will open is there. */
export interface ReadyRun {
  args: string[]
  cgroup: Cgroup
  config: RunningConfig
}

/**
 * Ready all that a run needs: volumes, cards, seeds, firmware, control group.
 *
 * @throws {UnsupportedSpecError} errors of storage and network; the signal's reason
 */
export async function readyRun(
  host: ComputeHost,
  plan: RunPlan,
  folders: RunFolders,
  signal: AbortSignal,
): Promise<ReadyRun> {
  const [facts, prepared] = await Promise.all([host.facts, prepare(host, plan, folders, signal)])
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
  if (config.nvramTemplate) host.firmware.provide(lasting, config.nvramTemplate, folders.paths.nvram, host.user)
  const cgroup = new Cgroup(host.hierarchy, vmi.metadata.uid ?? '')
  cgroup.create({ ...processorShare(vmi, config.cpus), memoryBytes: config.guestBytes + config.overheadBytes })
  const { args, files: _, nvramTemplate: __, uuid: ___, ...rest } = config
  const fingerprint = createHash('sha256').update(args.join('\0')).digest('hex')
  const running = { ...rest, accelerator: facts.accelerator, fingerprint }
  return { args, cgroup, config: { ...running, ...(lasting ? { lastingFirmware: lasting } : {}) } }
}

/** Start QEMU; its guest does not run yet. @throws {LaunchError} */
export async function launchRun(
  host: ComputeHost,
  { args, cgroup }: ReadyRun,
  { paths, log }: RunFolders,
): Promise<LaunchedProcess> {
  for (const socket of [paths.qmp, paths.serial, paths.vnc, paths.guestAgent]) rmSync(socket, { force: true })
  return launch({ program: host.program, args, user: host.user, logFile: log, cgroup })
}
