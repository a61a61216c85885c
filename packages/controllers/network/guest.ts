import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { appLabel, launcherApp, machineNameLabel } from '@thresher/api/names'
import { networkAnnotation, writeNics } from '@thresher/api/pod-network'
import type { Context, Result } from '@thresher/client/controller'
import type { Central } from './central.ts'
import { nicNamesOf, nicsOf } from './guest-nics.ts'
import type { Networks } from './networks.ts'
import type { NorthboundRow } from './northbound.ts'
import { admitNic, describeNics, ownerOf, portName, type Guest, type Nic } from './port-plan.ts'

type PortRow = NorthboundRow<'Logical_Switch_Port'>

/** After how long what should be there at once is late, in milliseconds. */
export const patienceMs = 10_000

/** Give a guest its ports, and its pods the word of them. */
export async function reconcileGuest(
  key: string,
  central: Central,
  networks: Networks,
  context: Context,
  signal: AbortSignal,
): Promise<Result | void> {
  const [namespace = '', name = ''] = key.split('/')
  const guest = { namespace, name }
  const instance = context.objects(VirtualMachineInstance).get(key)
  const ports = central.portsOf(key)
  if (!instance) return await keepPorts(guest, ports, context.objects(VirtualMachine).get(key), central, signal)
  const { nics: wanted, unconnected } = nicsOf(instance, networks)
  await central.needSwitches([...networks.byId.values()].filter(isNeededBy(wanted)), signal)
  const admitted = wanted.map((nic) => admitNic(nic))
  const nics = admitted.flatMap((one) => ('nic' in one ? [one.nic] : []))
  const [unfit] = admitted.flatMap((one) => ('problem' in one ? [one.problem] : []))
  // A NIC whose network is gone keeps its port: the guest may be running on it.
  const held = new Set(unconnected.map((nic) => portName(guest, nic.name)))
  const own = ports.filter((port) => !held.has(port.name))
  const problem = unfit ?? (await central.writePorts(guest, nics, own, signal))
  if (problem !== undefined) {
    const remedy = 'change macAddress of the interface or the annotation thresher.io/addresses'
    warn(instance, 'AddressRefused', `${problem}; ${remedy}`, context)
    return { afterMs: patienceMs }
  }
  for (const nic of unconnected)
    warn(instance, 'NetworkNotFound', `the interface ${nic.name} is not connected: ${nic.problem}`, context)
  const isWhole = await annotatePods(guest, nics, central.portsOf(key), context)
  return isWhole ? undefined : explainDelay(instance, nics, context)
}

/** The management network carries what all others need; it is always there. */
function isNeededBy(nics: readonly Nic[]): (network: Nic['network']) => boolean {
  const ids = new Set(nics.map(({ network }) => network.id))
  return ({ id, kind }) => kind === 'management' || ids.has(id)
}

/** A stopped machine keeps the addresses of the NICs that it will have again. */
async function keepPorts(
  guest: Guest,
  ports: readonly PortRow[],
  machine: VirtualMachine | undefined,
  central: Central,
  signal: AbortSignal,
): Promise<void> {
  if (ports.length === 0 && central.rulesOf(`${guest.namespace}/${guest.name}`).length === 0) return
  const kept = new Set(machine ? nicNamesOf(machine) : [])
  const gone = ports.filter((port) => !kept.has(ownerOf(port)?.nic ?? ''))
  await central.removePorts(guest, gone, signal)
}

/** Write the annotation of the guest's pods once all addresses are known. @returns whether they are */
async function annotatePods(
  guest: Guest,
  nics: readonly Nic[],
  ports: readonly PortRow[],
  context: Context,
): Promise<boolean> {
  const described = describeNics(guest, nics, ports)
  if (!described) return false
  const text = writeNics(described)
  const pods = context.objects(Pod)
  const waiting = pods
    .byIndex('guest', `${guest.namespace}/${guest.name}`)
    .filter((pod) => !pod.metadata.deletionTimestamp && pod.metadata.annotations?.[networkAnnotation] !== text)
  await Promise.all(
    waiting.map((pod) =>
      pods.patch(pod, { metadata: { annotations: { [networkAnnotation]: text } } }).catch((error: unknown) => {
        if (!isReason(error, 'NotFound')) throw error
      }),
    ),
  )
  return true
}

/** OVN answers within milliseconds, so an address that does not come means that there is none, or that OVN does not run. */
function explainDelay(instance: VirtualMachineInstance, nics: readonly Nic[], context: Context): Result {
  const ageMs = context.now().getTime() - Date.parse(instance.metadata.creationTimestamp ?? '')
  const subnets = nics.flatMap(({ network }) => network.addressing?.subnet ?? []).join(' and ')
  const why = 'it may be full, or ovn-northd may not run (thresher status)'
  if (ageMs > patienceMs) warn(instance, 'NoAddress', `no address of ${subnets} was given yet: ${why}`, context)
  return { afterMs: patienceMs }
}

function warn(object: VirtualMachineInstance, reason: string, message: string, { events }: Context): void {
  events.record({ object, type: 'Warning', reason, message })
}

/** The guest that a pod stands for, as a key. */
export function guestKey(pod: Pod): string[] {
  const { labels, namespace } = pod.metadata
  const name = labels?.[machineNameLabel]
  return labels?.[appLabel] === launcherApp && name ? [`${namespace}/${name}`] : []
}
