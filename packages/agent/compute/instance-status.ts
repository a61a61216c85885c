import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type {
  InterfaceStatus,
  VirtualMachineInstanceStatus,
} from '@thresher/api/kubevirt/virtual-machine-instance-status'
import type { VolumeStatus } from '@thresher/api/kubevirt/volume-status'
import type { Condition } from '@thresher/api/meta'
import type { PodNic } from '@thresher/api/pod-network'
import { formatBytes } from '@thresher/api/quantity'
import { formatTime, removeCondition, setCondition } from '@thresher/client/conditions'
import type { GuestFacts } from './guest-facts.ts'
import type { MachineView } from './machine-view.ts'

/** What the status is made from. */
export interface InstanceStatusInput {
  vmi: VirtualMachineInstance
  view: MachineView
  node: string
  podUid: string
  nics: PodNic[]
  /** The claim behind each volume, by the volume's name. */
  claims: ReadonlyMap<string, { name: string; bytes?: number }>
  /** The user that QEMU runs as. */
  runtimeUser: number
  now: Date
}

/** The VMI's status as its machine fares; the same object when there is nothing to tell yet. Pure. */
export function instanceStatus(input: InstanceStatusInput): VirtualMachineInstanceStatus | undefined {
  const { vmi, view } = input
  if (view.life === 'preparing' || view.life === 'starting') return vmi.status
  const before = vmi.status ?? {}
  const phase = view.life === 'ended' ? (view.outcome?.phase ?? 'Failed') : 'Running'
  const transitions = before.phaseTransitionTimestamps ?? []
  const status: VirtualMachineInstanceStatus = {
    ...before,
    phase,
    ...(transitions.some((one) => one.phase === phase)
      ? {}
      : {
          phaseTransitionTimestamps: [...transitions, { phase, phaseTransitionTimestamp: formatTime(input.now) }],
        }),
    nodeName: before.nodeName ?? input.node,
    activePods: before.activePods ?? { [input.podUid]: input.node },
    conditions: conditionsOf(input) as VirtualMachineInstanceStatus['conditions'],
  }
  if (phase !== 'Running') return { ...status, ...(view.outcome ? { reason: view.outcome.reason } : {}) }
  return { ...status, ...runningFields(input) }
}

function runningFields({
  vmi,
  view,
  nics,
  claims,
  runtimeUser,
}: InstanceStatusInput): Partial<NonNullable<VirtualMachineInstanceStatus>> {
  const { config, guest } = view
  const memory = formatBytes(config?.guestBytes ?? 0)
  const { cores = 1, sockets = 1, threads = 1 } = vmi.spec.domain.cpu ?? {}
  return {
    interfaces: (config?.nics ?? []).map((card) =>
      interfaceStatus(
        card,
        nics.find(({ name }) => name === card.name),
        guest,
      ),
    ),
    volumeStatus: (config?.disks ?? []).map(({ name, target }): VolumeStatus => {
      const claim = claims.get(name)
      return {
        name,
        target,
        ...(claim
          ? {
              phase: 'Ready',
              ...(claim.bytes === undefined ? {} : { size: claim.bytes }),
              persistentVolumeClaimInfo: {
                claimName: claim.name,
                ...(claim.bytes === undefined ? {} : { capacity: { storage: formatBytes(claim.bytes) } }),
              },
            }
          : {}),
      }
    }),
    machine: { type: config?.machineType },
    memory: { guestAtBoot: memory, guestRequested: memory, guestCurrent: memory },
    currentCPUTopology: { cores, sockets, threads },
    migrationMethod: 'BlockMigration',
    runtimeUser,
    ...(guest?.os ? { guestOSInfo: guestOsInfo(guest.os) } : {}),
  }
}

function interfaceStatus(
  card: { name: string; mac: string },
  nic: PodNic | undefined,
  guest: GuestFacts | undefined,
): NonNullable<InterfaceStatus> {
  const seen = guest?.interfaces?.find((one) => one['hardware-address']?.toLowerCase() === card.mac)
  const addresses = (seen?.['ip-addresses'] ?? []).map((one) => one['ip-address'])
  const known = nic?.ip ? [nic.ip] : []
  const all = [...new Set([...known, ...addresses])]
  return {
    name: card.name,
    mac: card.mac,
    ...(all.length > 0 ? { ipAddress: all[0], ipAddresses: all } : {}),
    ...(seen ? { interfaceName: seen.name } : {}),
    queueCount: 1,
    linkState: 'up',
    infoSource: seen ? 'domain, guest-agent' : 'domain',
  }
}

/** The guest agent's words in KubeVirt's. */
export function guestOsInfo(
  os: NonNullable<GuestFacts['os']>,
): NonNullable<VirtualMachineInstanceStatus>['guestOSInfo'] {
  return {
    id: os.id,
    name: os.name,
    prettyName: os['pretty-name'],
    version: os.version,
    versionId: os['version-id'],
    kernelRelease: os['kernel-release'],
    kernelVersion: os['kernel-version'],
    machine: os.machine,
  }
}

const pauseMessages = {
  PausedByUser: 'VMI was paused by user',
  PausedIOError: 'VMI was paused, low-level IO error detected',
  PausedUnknown: 'VMI was paused by QEMU',
} as const

function conditionsOf({ vmi, view, now }: InstanceStatusInput): Condition[] {
  let list: Condition[] = (vmi.status?.conditions ?? []) as Condition[]
  const set = (type: string, status: 'True' | 'False', reason?: string, message?: string): void => {
    list = setCondition(list, { type, status, ...(reason ? { reason } : {}), ...(message ? { message } : {}) }, now)
  }
  list = removeCondition(removeCondition(list, 'Synchronized'), 'PodScheduled')
  const ended = view.life === 'ended'
  if (ended) set('Ready', 'False', view.outcome?.reason ?? 'GuestNotRunning', view.outcome?.message)
  else if (view.paused) set('Ready', 'False', 'GuestPaused', 'the guest is paused')
  else set('Ready', 'True')
  if (!ended) set('LiveMigratable', 'False', 'NotSupported', 'live migration is not available in this version')
  if (view.paused && !ended) set('Paused', 'True', view.paused, pauseMessages[view.paused])
  else list = removeCondition(list, 'Paused')
  if (view.guestAgent) set('AgentConnected', 'True')
  else list = removeCondition(list, 'AgentConnected')
  return list
}
