import { age, column, wide } from '../columns.ts'
import { defineKind, servedAs, type ObjectOf } from '../kind.ts'
import { fillInstanceDefaults } from './instance-defaults.ts'
import { checkInstanceSpec } from './instance-rules.ts'
import { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'
import { VirtualMachineInstanceStatus } from './virtual-machine-instance-status.ts'

/** One run of a virtual machine. */
export const VirtualMachineInstance = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachineInstance',
  description: 'One run of a virtual machine.',
  plural: 'virtualmachineinstances',
  shortNames: ['vmi', 'vmis'],
  categories: ['all'],
  namespaced: true,
  spec: VirtualMachineInstanceSpec,
  status: VirtualMachineInstanceStatus,
  columns: [
    age,
    column('Phase', '.status.phase'),
    column('IP', '.status.interfaces[0].ipAddress'),
    column('NodeName', '.status.nodeName'),
    column('Ready', ".status.conditions[?(@.type=='Ready')].status"),
    wide('Live-Migratable', ".status.conditions[?(@.type=='LiveMigratable')].status"),
    wide('Paused', ".status.conditions[?(@.type=='Paused')].status"),
  ],
  selectableFields: ['.status.nodeName', '.status.phase'],
  fillDefaults: (instance) => fillInstanceDefaults(instance),
  check: (instance) => checkInstanceSpec(instance.spec, 'spec'),
})
export type VirtualMachineInstance = ObjectOf<typeof VirtualMachineInstance>

/** The same under its former version, for clients that still ask for it. */
export const VirtualMachineInstanceV1alpha3 = servedAs(VirtualMachineInstance, 'v1alpha3')
