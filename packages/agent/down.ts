import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { managementNetwork } from '@thresher/api/management-network'
import type { Log } from './compute/host.ts'
import { probeHierarchy, sweepCgroups } from './compute/cgroup.ts'
import { stopRuns } from './compute/stop-runs.ts'
import type { AgentConfig } from './config.ts'
import { isGuestUid } from './guest-uids.ts'
import { findUser, qemuUserName } from './host-facts.ts'
import { OvnNetwork } from './network/ovn-network.ts'

/**
 * Stop all guests of this host and remove the network. The agent must not be running. The guests' objects stay in the API:
 * when the agent starts again it finds their runs ended.
 *
 * @returns one sentence on what was stopped
 */
export async function takeDown(config: AgentConfig, log: Log): Promise<string> {
  const owner = await findUser(qemuUserName).catch(() => undefined)
  const hierarchy = probeHierarchy()
  const mayBe = (uid: number): boolean => uid === 0 || uid === owner?.uid || isGuestUid(config.guestUids, uid)
  const count = await stopRuns({ root: join(config.runDir, 'vms'), hierarchy, mayBe, log })
  sweepCgroups(hierarchy, () => false)
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
  return `${count === 1 ? '1 virtual machine' : `${count} virtual machines`} and the network stopped`
}
