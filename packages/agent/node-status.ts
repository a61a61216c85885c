import type { Node } from '@thresher/api/core/node'
import type { Condition } from '@thresher/api/meta'
import { acceleratorLabel, hostnameLabel, nodeArgsAnnotation } from '@thresher/api/names'
import { formatBytes, formatCpu } from '@thresher/api/quantity'
import { formatTime, setCondition } from '@thresher/client/conditions'
import type { Acceleration } from './compute/accelerator.ts'
import type { RunProblems } from './compute/runs.ts'
import type { HostInventory } from './host-facts.ts'

/** What the node says of itself. */
export interface NodeWord {
  name: string
  address: string
  port: number
  version: string
  qemu: string
  inventory: HostInventory
  acceleration: Acceleration
  /** Guests that run here but cannot be fully looked after. */
  problems: RunProblems
  /** What keeps the network of its guests from working, in sentences. */
  networkFaults: string[]
  /** Whether each guest's QEMU sees only its own part of the host. */
  confined: boolean
  now: Date
}

/** Kept for the host itself: the agent, the server, the network's engines and the kernel. */
const reservedMemoryBytes = 512 * 1024 * 1024
const reservedMillicores = 100
const mebibyte = 1024 * 1024

/** Says which accelerator guests run under. */
const accelerationCondition = 'VirtualizationAccelerated'
/** Says whether a guest that breaks out of its QEMU sees more of the host than its own. */
const guestsConfinedCondition = 'GuestsConfined'
/** Says whether all guests that run are in the agent's hands. */
const runsManagedCondition = 'RunsManaged'
const qemuVersionAnnotation = 'thresher.io/qemu-version'

/** Labels that the node sets on itself. */
export function nodeLabels({ name, inventory, acceleration }: NodeWord): Record<string, string> {
  return {
    [hostnameLabel]: name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': inventory.architecture,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': inventory.architecture,
    'kubevirt.io/schedulable': 'true',
    [acceleratorLabel]: acceleration.accelerator,
  }
}

/** Annotations that the node sets on itself. Every host so far runs the server too. */
export function nodeAnnotations({ qemu }: NodeWord): Record<string, string> {
  return { [qemuVersionAnnotation]: qemu, [nodeArgsAnnotation]: JSON.stringify(['server']) }
}

/** The node's status as the host is. Conditions of others stay. Pure. */
export function nodeStatus(word: NodeWord, before: Node['status']): NonNullable<Node['status']> {
  const { inventory, acceleration, now } = word
  const memory = Math.floor(inventory.memoryBytes / mebibyte) * mebibyte
  const usable = Math.max(memory - reservedMemoryBytes, 0)
  const storage = Math.floor(inventory.storageBytes / mebibyte) * mebibyte
  const shared = { 'ephemeral-storage': formatBytes(storage), pods: '1000', 'devices.kubevirt.io/tun': '1000' }
  let conditions: Condition[] = (before?.conditions ?? []) as Condition[]
  const set = (type: string, status: 'True' | 'False', reason: string, message: string): void => {
    conditions = setCondition(conditions, { type, status, reason, message }, now).map((one) =>
      one.type === type ? { ...one, lastHeartbeatTime: formatTime(now) } : one,
    )
  }
  const isKvm = acceleration.accelerator === 'kvm'
  set('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'the node has memory left')
  const diskFull = inventory.storageFreeBytes < inventory.storageBytes / 20
  set(
    'DiskPressure',
    diskFull ? 'True' : 'False',
    diskFull ? 'KubeletHasDiskPressure' : 'KubeletHasNoDiskPressure',
    diskFull ? 'less than 5 % of the disk is free; delete images or volumes' : 'the node has disk space left',
  )
  set('PIDPressure', 'False', 'KubeletHasSufficientPID', 'the node has process numbers left')
  set(accelerationCondition, isKvm ? 'True' : 'False', acceleration.reason, acceleration.message)
  const runs = runsCondition(word.problems)
  set(runsManagedCondition, runs.status, runs.reason, runs.message)
  set(
    guestsConfinedCondition,
    word.confined ? 'True' : 'False',
    word.confined ? 'OwnView' : 'NoMountNamespace',
    word.confined
      ? "each guest's QEMU sees its own part of the host alone"
      : 'this host allows no mount namespaces, so guests are kept apart by their users alone',
  )
  const broken = word.networkFaults.length > 0
  const fault = word.networkFaults.join('; ')
  set(
    'NetworkUnavailable',
    broken ? 'True' : 'False',
    broken ? 'NetworkBroken' : 'NetworkWorks',
    broken ? fault : "the guests' network works",
  )
  set(
    'Ready',
    broken ? 'False' : 'True',
    broken ? 'NetworkBroken' : 'KubeletReady',
    broken ? fault : 'the agent is ready',
  )
  return {
    ...before,
    capacity: { cpu: String(inventory.cpus), memory: formatBytes(memory), ...shared },
    allocatable: {
      cpu: formatCpu(Math.max(inventory.cpus * 1000 - reservedMillicores, 0)),
      memory: formatBytes(usable),
      ...shared,
    },
    addresses: [
      { type: 'InternalIP', address: word.address },
      { type: 'Hostname', address: word.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: word.port } },
    nodeInfo: {
      machineID: inventory.machineId,
      systemUUID: inventory.systemUuid,
      bootID: inventory.bootId,
      kernelVersion: inventory.kernel,
      osImage: inventory.osImage,
      containerRuntimeVersion: `qemu://${word.qemu}`,
      kubeletVersion: word.version,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: inventory.architecture,
    },
    conditions: conditions as NonNullable<Node['status']>['conditions'],
  }
}

function runsCondition({ hung, unreadable }: RunProblems): {
  status: 'True' | 'False'
  reason: string
  message: string
} {
  if (hung.length === 0 && unreadable.length === 0)
    return { status: 'True', reason: 'AllRunsManaged', message: 'every guest on the node is looked after' }
  const parts = [
    ...(hung.length > 0 ? [`QEMU does not answer: ${hung.join(', ')}`] : []),
    ...(unreadable.length > 0 ? [`state file not readable: ${unreadable.join(', ')}`] : []),
  ]
  const reason = hung.length > 0 ? 'RunsHung' : 'RunsUnreadable'
  return { status: 'False', reason, message: `${parts.join('; ')}; the virtual machines' conditions say what helps` }
}
