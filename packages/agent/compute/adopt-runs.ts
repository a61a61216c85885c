import { basename, dirname, join } from 'node:path'
import type { ComputeHost } from './host.ts'
import { giveBack } from './holdings.ts'
import { foldersOf } from './prepare.ts'
import { isAlive, startedAtMs, type ProcessIdentity } from './process-identity.ts'
import { mayBeQemu } from './qemu-user.ts'
import { listQemus, type QemuProcess } from './qemu-processes.ts'
import { rebuildState } from './rebuild-state.ts'
import { Run } from './run.ts'
import { groupOf, ownerOf } from './run-user.ts'
import { listRuns, removeRunFolder, takeRunFolder } from './run-folder.ts'
import { readState, type RunState } from './run-state.ts'
import { endTpm, listTpms } from './tpm/tpm-process.ts'

/**
 * Take up the runs that an earlier agent began: those with a folder, and those of which only QEMU is left. A living QEMU is
 * never forgotten, whatever its state file is like. Waits for nobody.
 */
export function adoptRuns(host: ComputeHost, onChange: (uid: string) => void): Run[] {
  const alive = new Map(listQemus(host.runRoot, (uid) => mayBeQemu(host, uid)).map((one) => [one.uid, one]))
  const uids = new Set([...listRuns(host.runRoot), ...alive.keys()])
  endStrayTpms(host, alive)
  return [...uids].flatMap((uid) => {
    try {
      return adoptRun(host, uid, alive.get(uid), () => onChange(uid)) ?? []
    } catch (error) {
      host.log('error', `the run ${uid} could not be adopted: ${(error as Error).message}`)
      return []
    }
  })
}

/** A TPM ends with its QEMU, but one whose QEMU was never started would stay. */
function endStrayTpms(host: ComputeHost, alive: ReadonlyMap<string, QemuProcess>): void {
  for (const { socket, identity } of listTpms(host.runRoot, (uid) => mayBeQemu(host, uid)))
    if (!alive.has(basename(dirname(socket)))) void endTpm(identity)
}

/** @returns undefined when there is nothing to take up; what was left of it is removed then */
function adoptRun(
  host: ComputeHost,
  uid: string,
  qemu: QemuProcess | undefined,
  onChange: () => void,
): Run | undefined {
  const folder = join(host.runRoot, uid)
  const found = readState(folder)
  if (found.found === 'state') {
    const process = livingProcess(found.state, qemu)
    if (process || hasBegun(found.state)) return Run.adopt(host, { ...found.state, process }, onChange)
    // The agent died before it started QEMU: the run simply begins anew.
    const { user, holdings } = found.state
    void giveBack(host, { uid, user: ownerOf(host, user), folders: foldersOf(host, uid), holdings })
    removeRunFolder(folder)
    return undefined
  }
  if (!qemu) {
    if (found.found === 'unreadable')
      host.log('error', `the state of the run ${uid}, which has ended, cannot be read: ${found.why}`)
    removeRunFolder(folder)
    return undefined
  }
  const why = found.found === 'unreadable' ? found.why : undefined
  host.log(
    'error',
    `the state of the run ${uid} ${why ? `cannot be read (${why})` : 'is gone'}; made anew from its QEMU`,
    {
      pid: qemu.identity.pid,
    },
  )
  takeRunFolder(folder, groupOf(host, qemu.user))
  const state = rebuildState(qemu, new Date(startedAtMs(qemu.identity)).toISOString())
  return Run.adopt(host, state, onChange, why)
}

function livingProcess({ process }: RunState, qemu: QemuProcess | undefined): ProcessIdentity | undefined {
  return process && isAlive(process) ? process : qemu?.identity
}

/** Whether a QEMU was started of which the end must be reported. */
function hasBegun({ step, process }: RunState): boolean {
  return process !== undefined || !(step === 'preparing' || step === 'starting' || step === 'incoming')
}
