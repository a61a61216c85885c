import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type {
  InterfaceStatus,
  VirtualMachineInstanceStatus,
} from '@thresher/api/kubevirt/virtual-machine-instance-status'
import type { Condition } from '@thresher/api/meta'
import { isOnManagement, type PodNic } from '@thresher/api/pod-network'
import { formatBytes } from '@thresher/api/quantity'
import { formatTime, removeCondition, setCondition } from '@thresher/client/conditions'
import type { GuestFacts } from './guest-facts.ts'
import type { HungReason } from './lifecycle.ts'
import { isUp, type RunView } from './run-view.ts'
import { volumeStatuses } from './volume-report.ts'

/** What the status is made from. */
export interface InstanceReportInput {
  vmi: VirtualMachineInstance
  view: RunView
  node: string
  /** The launcher pod. */
  pod: { name: string; uid: string }
  nics: PodNic[]
  /** The claim behind each volume, by the volume's name. */
  claims: ReadonlyMap<string, { name: string; bytes?: number }>
  /** The user that QEMU runs as. */
  runtimeUser: number
  now: Date
}

/** The VMI's status as its run is; the same object when there is nothing to report yet. Pure. */
export function instanceReport(input: InstanceReportInput): VirtualMachineInstanceStatus | undefined {
  const { vmi, view } = input
  if (!isUp(view) && view.step !== 'ended')
    return view.hung
      ? { ...vmi.status, conditions: conditionsOf(input) as VirtualMachineInstanceStatus['conditions'] }
      : vmi.status
  const before = vmi.status ?? {}
  const phase = view.step === 'ended' ? (view.outcome?.phase ?? 'Failed') : 'Running'
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
    activePods: before.activePods ?? { [input.pod.uid]: input.node },
    conditions: conditionsOf(input) as VirtualMachineInstanceStatus['conditions'],
  }
  if (phase !== 'Running') return { ...status, ...(view.outcome ? { reason: view.outcome.reason } : {}) }
  return { ...status, ...runningFields(input) }
}

function runningFields(input: InstanceReportInput): Partial<NonNullable<VirtualMachineInstanceStatus>> {
  const { vmi, view, nics, runtimeUser } = input
  const { config, guest } = view
  const memory = formatBytes(config?.guestBytes ?? 0)
  const { cores = 1, sockets = 1, threads = 1 } = vmi.spec.domain.cpu ?? {}
  return {
    interfaces: (config?.nics ?? []).map((card) =>
      interfaceStatus(
        card,
        nics.find(({ name }) => name === card.name),
        guest,
        stateOf(vmi, card.name),
      ),
    ),
    volumeStatus: volumeStatuses(input),
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
  linkState: 'up' | 'down',
): NonNullable<InterfaceStatus> {
  const seen = guest?.interfaces?.find((one) => one['hardware-address']?.toLowerCase() === card.mac)
  const addresses = (seen?.['ip-addresses'] ?? []).map((one) => one['ip-address'])
  const known = nic?.ip ? [nic.ip] : []
  const isMultus = nic !== undefined && !isOnManagement(nic)
  const all = [...new Set([...known, ...addresses])]
  return {
    name: card.name,
    mac: card.mac,
    ...(all.length > 0 ? { ipAddress: all[0], ipAddresses: all } : {}),
    ...(seen ? { interfaceName: seen.name } : {}),
    queueCount: 1,
    linkState,
    infoSource: ['domain', ...(seen ? ['guest-agent'] : []), ...(isMultus ? ['multus-status'] : [])].join(', '),
  }
}

/** Whether a card's cable is in. */
function stateOf({ spec }: VirtualMachineInstance, name: string): 'up' | 'down' {
  return spec.domain.devices.interfaces?.find((card) => card.name === name)?.state === 'down' ? 'down' : 'up'
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

/** Why nothing can be done with a run, and what helps. */
export function hungMessage(name: string, why: HungReason): string {
  if (why === 'MonitorGone')
    return `QEMU of ${name} runs, but its monitor socket is gone, so it cannot be looked after; restart ${name} to get it back`
  const what = why === 'NoGreeting' ? 'does not greet' : 'does not answer'
  return `QEMU of ${name} runs but ${what}; look at its node's disks and load; it goes on by itself when it answers, or stop ${name} to end it by force`
}

/** What it means that a run's state file cannot be read, and what helps. */
export function unreadableMessage(name: string, why: string): string {
  return `the state file of ${name} on its node cannot be read (${why}); the guest runs on; restart ${name} to write a new one, or go back to the version that wrote it`
}

/** What it means that a run's TPM has gone, and what helps. */
export function tpmLostMessage(name: string): string {
  return `the TPM of ${name} has ended while the guest runs, so the guest cannot use what it has sealed; restart ${name} to give it a TPM again`
}

function noRoomMessage(node: string): string {
  return `the guest is paused as the disk of ${node} is full; delete images or volumes there, it goes on by itself`
}

function conditionsOf({ vmi, view, node, now }: InstanceReportInput): Condition[] {
  let list: Condition[] = (vmi.status?.conditions ?? []) as Condition[]
  const set = (type: string, status: 'True' | 'False', reason?: string, message?: string): void => {
    list = setCondition(list, { type, status, ...(reason ? { reason } : {}), ...(message ? { message } : {}) }, now)
  }
  list = removeCondition(list, 'PodScheduled')
  const [unattached] = view.cardFailures ?? []
  if (unattached) set('Synchronized', 'False', 'FailedAttach', `the network card ${unattached[0]}: ${unattached[1]}`)
  else list = removeCondition(list, 'Synchronized')
  const ended = view.step === 'ended'
  const { name = '' } = vmi.metadata
  if (ended) set('Ready', 'False', view.outcome?.reason ?? 'GuestNotRunning', view.outcome?.message)
  else if (view.hung) set('Ready', 'False', 'QemuHung', hungMessage(name, view.hung))
  else if (view.paused) set('Ready', 'False', 'GuestPaused', 'the guest is paused')
  else if (view.readiness && !view.readiness.passing) set('Ready', 'False', 'GuestNotReady', view.readiness.message)
  else set('Ready', 'True')
  if (!ended) set('LiveMigratable', 'False', 'NotSupported', 'live migration is not available in this version')
  if (view.hung && !ended) set('QemuResponsive', 'False', view.hung, hungMessage(name, view.hung))
  else list = removeCondition(list, 'QemuResponsive')
  if (view.unreadable && !ended)
    set('RunStateReadable', 'False', 'Unreadable', unreadableMessage(name, view.unreadable))
  else list = removeCondition(list, 'RunStateReadable')
  if (view.tpmLost && !ended) set('TPMAvailable', 'False', 'TPMLost', tpmLostMessage(name))
  else list = removeCondition(list, 'TPMAvailable')
  if (view.paused && !ended)
    set('Paused', 'True', view.paused, view.noRoom ? noRoomMessage(node) : pauseMessages[view.paused])
  else list = removeCondition(list, 'Paused')
  if (view.credentials && !ended)
    set(
      'AccessCredentialsSynchronized',
      view.credentials.synchronized ? 'True' : 'False',
      view.credentials.synchronized ? undefined : 'Failed',
      view.credentials.message || undefined,
    )
  else list = removeCondition(list, 'AccessCredentialsSynchronized')
  if (view.guestAgent) set('AgentConnected', 'True')
  else list = removeCondition(list, 'AgentConnected')
  return list
}
