import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { managementNetwork } from '@thresher/api/management-network'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './compute/host.ts'
import { probeHierarchy, sweepCgroups } from './compute/cgroup.ts'
import { hostStopped } from './compute/outcomes.ts'
import { isAlive, signalProcess, type ProcessIdentity } from './compute/process-identity.ts'
import { listQemus } from './compute/qemu-processes.ts'
import { QmpClient } from './compute/qmp.ts'
import { listRuns, readState, removeRunFolder, writeState } from './compute/run-state.ts'
import type { AgentConfig } from './config.ts'
import { findUser, qemuUserName } from './host-facts.ts'
import { OvnNetwork } from './network/ovn-network.ts'

/** How long guests have to shut down. */
const graceMs = 20_000

/**
 * Stop all guests of this host and remove the network. The agent must not be running. The guests' objects stay in the API:
 * when the agent starts again it finds their runs ended.
 *
 * @returns one sentence on what was stopped
 */
export async function takeDown(config: AgentConfig, log: Log): Promise<string> {
  const root = join(config.runDir, 'vms')
  const alive = await livingQemus(root)
  const stopped = await Promise.all(
    [...new Set([...listRuns(root), ...alive.keys()])].map((uid) => stopRun(join(root, uid), alive.get(uid), log)),
  )
  sweepCgroups(probeHierarchy(), () => false)
  const network = new OvnNetwork({
    dataDir: join(config.dataDir, 'network'),
    runDir: join(config.runDir, 'network'),
    logDir: join(config.dataDir, 'network', 'log'),
    host: config.nodeName || 'host',
    network: managementNetwork({ subnet: config.guestSubnet }),
    central: {},
    instance: config.instance,
    log: (level, message) => log(level, message),
  })
  await network.down()
  for (const folder of [
    join('/dev/shm', `thresher${config.runDir.replaceAll('/', '-')}`),
    join(config.runDir, 'seeds'),
  ])
    rmSync(folder, { recursive: true, force: true })
  const count = stopped.filter(Boolean).length
  return `${count === 1 ? '1 virtual machine' : `${count} virtual machines`} and the network stopped`
}

/** QEMUs of this host's runs by the runs' UIDs, whatever is left of their folders. */
async function livingQemus(root: string): Promise<Map<string, ProcessIdentity>> {
  const owner = await findUser(qemuUserName).catch(() => undefined)
  const mayBe = (uid: number): boolean => uid === 0 || uid === owner?.uid
  return new Map(listQemus(root, mayBe).map(({ uid, identity }) => [uid, identity]))
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
    await askToShutDown(join(folder, 'qmp.sock'), process)
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
