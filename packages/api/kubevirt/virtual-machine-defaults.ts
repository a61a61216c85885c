import type { KubeObject } from '../meta.ts'
import { sshNamesAnnotation } from '../names.ts'
import { fillMachine } from './instance-defaults.ts'
import type { VirtualMachineSpec } from './virtual-machine.ts'

const terminationGracePeriodSeconds = 120

/**
 * Complete a virtual machine with what clients read without asking whether it is there
 * (`machine.type`, `cpu`, `evictionStrategy`, the annotation of SSH keys) and with the grace period.
 */
export function fillMachineDefaults(machine: KubeObject & { spec: VirtualMachineSpec }): void {
  const template = machine.spec?.template
  const spec = template?.spec
  if (typeof spec !== 'object' || spec === null || typeof spec.domain !== 'object' || spec.domain === null) return
  fillMachine(spec)
  spec.terminationGracePeriodSeconds ??= terminationGracePeriodSeconds
  const metadata = (template.metadata ??= {})
  if (typeof metadata !== 'object' || metadata === null) return
  const annotations = (metadata.annotations ??= {})
  if (typeof annotations === 'object' && annotations !== null) annotations[sshNamesAnnotation] ||= '[]'
}
