import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { parseBytes } from '@thresher/api/quantity'
import type { Tone } from '../page/columns.tsx'

/** How many CPUs a machine has: sockets × cores × threads. */
export function cpusOf({ spec }: VirtualMachine): number {
  const { sockets = 1, cores = 1, threads = 1 } = spec.template.spec.domain.cpu ?? {}
  return sockets * cores * threads
}

/** A machine's memory in bytes, as its guest sees it or as it is limited. */
export function memoryOf({ spec }: VirtualMachine): number | undefined {
  const { memory, resources } = spec.template.spec.domain
  const quantity = memory?.guest ?? resources?.limits?.['memory'] ?? resources?.requests?.['memory']
  return quantity === undefined ? undefined : parseBytes(quantity)
}

/** The first address of a machine that runs. */
export function addressOf(instance: VirtualMachineInstance | undefined): string | undefined {
  return instance?.status?.interfaces?.find(({ ipAddress }) => ipAddress)?.ipAddress
}

const tones: Record<string, Tone> = {
  Running: 'success',
  Starting: 'info',
  Provisioning: 'info',
  Stopping: 'info',
  Terminating: 'info',
  Migrating: 'info',
  WaitingForVolumeBinding: 'info',
  WaitingForReceiver: 'info',
  Paused: 'warning',
  Stopped: 'off',
  Halted: 'off',
}

/** How a machine's state is meant. States that are not known here are failures: KubeVirt names those one by one. */
export function toneOf(state: string): Tone {
  return tones[state] ?? 'danger'
}
