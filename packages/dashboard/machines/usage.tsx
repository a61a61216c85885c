import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { UsagePanel } from '../usage/usage-panel.tsx'
import { cpusOf, memoryOf } from './facts.ts'

/** What a machine has used lately. */
export function MachineUsage({ machine }: { machine: VirtualMachine }) {
  const { name = '', namespace = '' } = machine.metadata
  return (
    <UsagePanel
      of={{ machine: { namespace, name } }}
      totals={{ cpus: cpusOf(machine), memoryBytes: memoryOf(machine) }}
    />
  )
}
