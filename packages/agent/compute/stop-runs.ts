import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Cgroup, type Hierarchy } from './cgroup.ts'
import type { Log } from './host.ts'
import { hostStopped } from './outcomes.ts'
import { isAlive, signalProcess, type ProcessIdentity } from './process-identity.ts'
import { userOf } from './process-user.ts'
import { listQemus } from './qemu-processes.ts'
import { QmpClient } from './qmp.ts'
import { closeRunFolder, listRuns, removeRunFolder } from './run-folder.ts'
import { readState, writeState } from './run-state.ts'
import { endTpm, findTpm } from './tpm/tpm-process.ts'
import { trustedSocket } from './trusted-socket.ts'

/** How long guests have to shut down. */
const graceMs = 20_000

/** How to stop all guests of a host. */
export interface StopOptions {
  /** The folder of the runs' folders. */
  root: string
  hierarchy: Hierarchy
  /** Whether a user with this number may be QEMU. */
  mayBe: (uid: number) => boolean
  log: Log
}

/**
 * Stop all guests below a run folder, while no agent runs: those with a folder, and those of which only QEMU is left.
 *
 * @returns how many there were
 */
export async function stopRuns({ root, hierarchy, mayBe, log }: StopOptions): Promise<number> {
  const alive = new Map(listQemus(root, mayBe).map(({ uid, identity }) => [uid, identity]))
  const uids = [...new Set([...listRuns(root), ...alive.keys()])]
  const stopped = await Promise.all(
    uids.map(async (uid) => {
      const ran = await stopRun(join(root, uid), alive.get(uid), log)
      // It ends with its QEMU; this one's QEMU may never have been there.
      const tpm = findTpm(join(root, uid, 'tpm.sock'), mayBe)
      if (tpm) await endTpm(tpm)
      await removeGroup(new Cgroup(hierarchy, uid))
      return ran
    }),
  )
  return stopped.filter(Boolean).length
}

/** A group can be removed once process 1 has taken note of QEMU's end. */
async function removeGroup(group: Cgroup): Promise<void> {
  for (let tries = 0; !group.tryRemove() && tries < 100; tries++) await delay(20)
}

/** Ask one guest to shut down, then insist. True when it ran. */
async function stopRun(folder: string, qemu: ProcessIdentity | undefined, log: Log): Promise<boolean> {
  const found = readState(folder)
  const state = found.found === 'state' ? found.state : undefined
  const process = state?.process && isAlive(state.process) ? state.process : qemu
  if (!process) return false
  if (!state)
    log(
      'warn',
      `${folder}: its state ${found.found === 'none' ? 'is gone' : 'cannot be read'}; its QEMU is stopped all the same`,
    )
  try {
    closeRunFolder(folder)
    await askToShutDown(trustedSocket(join(folder, 'qmp.sock'), userOf(process.pid)), process)
  } catch (error) {
    log('warn', `${folder}: ${(error as Error).message}`)
  }
  signalProcess(process, 'SIGKILL')
  for (let tries = 0; isAlive(process) && tries < 400; tries++) await delay(5)
  if (isAlive(process))
    throw new Error(`QEMU ${process.pid} of ${folder} cannot be ended; it waits for a disk that does not answer`)
  // Reported by the next agent.
  if (state) writeState(folder, { ...state, step: 'ended', outcome: hostStopped })
  else removeRunFolder(folder)
  return true
}

async function askToShutDown(socket: string, process: ProcessIdentity): Promise<void> {
  const limit = AbortSignal.timeout(graceMs)
  const qmp = await QmpClient.connect(socket, AbortSignal.any([limit, AbortSignal.timeout(2000)]))
  const off = Promise.withResolvers<void>()
  qmp.onEvent(({ event }) => {
    if (event === 'SHUTDOWN' || event === 'GUEST_PANICKED') off.resolve()
  })
  limit.addEventListener('abort', () => off.resolve(), { once: true })
  void qmp.closed.then(() => off.resolve())
  const { status } = await qmp.execute('query-status', {})
  if (status === 'running') {
    const press = setInterval(() => void qmp.execute('system_powerdown', {}).catch(() => {}), 5000)
    await qmp.execute('system_powerdown', {})
    await off.promise
    clearInterval(press)
  }
  if (isAlive(process)) await qmp.execute('quit', {}).catch(() => {})
  await Promise.race([qmp.closed, delay(2000)])
  qmp.close()
}
