import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'

/** When a virtual machine runs. @see KubeVirt `v1.VirtualMachineRunStrategy` */
export type RunStrategy = 'Always' | 'RerunOnFailure' | 'Manual' | 'Halted' | 'Once'

const known = ['Always', 'RerunOnFailure', 'Manual', 'Halted', 'Once']

/** The strategy a VirtualMachine asks for, by `runStrategy` or the older `running`. Unknown words count as Halted. */
export function runStrategyOf(machine: VirtualMachine): RunStrategy {
  const { running, runStrategy } = machine.spec
  if (runStrategy !== undefined) return known.includes(runStrategy) ? (runStrategy as RunStrategy) : 'Halted'
  return running ? 'Always' : 'Halted'
}
