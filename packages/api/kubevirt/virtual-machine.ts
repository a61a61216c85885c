import type { Static } from 'typebox'
import { age, column } from '../columns.ts'
import { defineKind, servedAs, type ObjectOf } from '../kind.ts'
import { ObjectMeta } from '../meta.ts'
import { about, flag, list, object, optional, text } from '../schema.ts'
import { DataVolumeTemplate } from './data-volume-template.ts'
import { machineActions } from './virtual-machine-actions.ts'
import { fillMachineDefaults } from './virtual-machine-defaults.ts'
import { checkMachine, checkMachineUpdate } from './virtual-machine-rules.ts'
import { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'
import { VirtualMachineStatus } from './virtual-machine-status.ts'

const matcher = optional({
  kind: text,
  name: text,
  revisionName: text,
  inferFromVolume: text,
  inferFromVolumeFailurePolicy: text,
})

/** What a virtual machine is, and whether it should run. Either `runStrategy` or the older `running` is given. */
export const VirtualMachineSpec = object(
  { template: object({ spec: VirtualMachineInstanceSpec }, { metadata: ObjectMeta }) },
  {
    runStrategy: about(
      text,
      'When the machine runs: Always, RerunOnFailure (again after a crash, off after a shutdown), Manual, Halted or Once.',
    ),
    running: about(flag, 'The older form of runStrategy: true is Always, false is Halted.'),
    dataVolumeTemplates: about(list(DataVolumeTemplate), 'Volumes to be made and filled with the machine.'),
    instancetype: matcher,
    preference: matcher,
    updateVolumesStrategy: text,
  },
)
export type VirtualMachineSpec = Static<typeof VirtualMachineSpec>

/** A virtual machine that outlives its runs. */
export const VirtualMachine = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachine',
  description: 'A virtual machine that outlives its runs.',
  plural: 'virtualmachines',
  shortNames: ['vm', 'vms'],
  categories: ['all'],
  namespaced: true,
  spec: VirtualMachineSpec,
  status: VirtualMachineStatus,
  columns: [
    age,
    column('Status', '.status.printableStatus'),
    column('Ready', ".status.conditions[?(@.type=='Ready')].status"),
  ],
  selectableFields: ['.status.printableStatus'],
  actions: machineActions,
  fillDefaults: fillMachineDefaults,
  check: checkMachine,
  checkUpdate: checkMachineUpdate,
})
export type VirtualMachine = ObjectOf<typeof VirtualMachine>

/** The same under its former version. */
export const VirtualMachineV1alpha3 = servedAs(VirtualMachine, 'v1alpha3')
