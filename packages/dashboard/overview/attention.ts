import type { Node } from '@thresher/api/core/node'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { hrefOf } from '../app/route.ts'
import { conditionMessage } from '../page/condition.ts'
import { hostState } from '../pages/host-state.ts'

/** Something that someone should look at, and where. */
export interface Attention {
  href: string
  name: string
  state: string
  message?: string
}

/** States of a machine that do not mend themselves. */
const bad = new Set([
  'CrashLoopBackOff',
  'ErrorUnschedulable',
  'ErrorPvcNotFound',
  'DataVolumeError',
  'Unknown',
  'ErrImagePull',
  'ErrorDataVolumeNotFound',
])

/** What needs attention, hosts first, since what is wrong with them explains the rest. */
export function attentionOf(world: {
  nodes: readonly Node[]
  machines: readonly VirtualMachine[]
  images: readonly VirtualMachineImage[]
}): Attention[] {
  const hosts = world.nodes
    .map((node) => ({ node, ...hostState(node) }))
    .filter(({ state }) => state !== 'Ready')
    .map(({ node, state, why }) => ({
      href: hrefOf(['hosts', node.metadata.name]),
      name: node.metadata.name ?? '',
      state,
      message: why,
    }))
  const machines = world.machines
    .filter(({ status }) => bad.has(status?.printableStatus ?? ''))
    .map((machine) => ({
      href: hrefOf(['machines', machine.metadata.namespace, machine.metadata.name]),
      name: machine.metadata.name ?? '',
      state: machine.status?.printableStatus ?? '',
      message: conditionMessage(machine),
    }))
  const images = world.images
    .filter(({ status }) => (status?.failed ?? 0) > 0 && status?.progress !== 100)
    .map((image) => ({
      href: hrefOf(['images', image.metadata.namespace, image.metadata.name]),
      name: image.spec.displayName,
      state: 'Failed',
      message: conditionMessage(image),
    }))
  return [...hosts, ...machines, ...images]
}
