import { collectionPath, creation, namespaceOf, textInput } from '../action-call.ts'
import type { ActionCall, TypedAction } from '../kind.ts'
import type { KubeObject } from '../meta.ts'
import type { VirtualMachineSpec } from './virtual-machine.ts'
import type { VirtualMachineStatus } from './virtual-machine-status.ts'

type Machine = KubeObject & { spec: VirtualMachineSpec; status?: VirtualMachineStatus }

const isIn =
  (...states: string[]) =>
  (machine: Machine): boolean =>
    states.includes(machine.status?.printableStatus ?? '')
const isOff = isIn('Stopped', 'Halted', '')
const isOn = isIn('Running', 'Paused', 'Starting', 'Provisioning', 'WaitingForVolumeBinding')
const runs = isIn('Running')

function put(plural: string, operation: string, body?: (input: Record<string, unknown>) => unknown) {
  return (machine: Machine, input: Record<string, unknown>): ActionCall[] => {
    const base = collectionPath('subresources.kubevirt.io/v1', plural, namespaceOf(machine.metadata))
    const path = `${base}/${encodeURIComponent(machine.metadata.name ?? '')}/${operation}`
    return [{ method: 'PUT', path, body: body?.(input) ?? {} }]
  }
}

const machines = 'virtualmachines'
const instances = 'virtualmachineinstances'

/** What can be asked of a virtual machine, each with the API calls that do it. */
export const machineActions: TypedAction<Machine>[] = [
  {
    name: 'start',
    offered: (machine) => isOff(machine) || !isOn(machine),
    calls: put(machines, 'start'),
  },
  { name: 'stop', offered: (machine) => !isOff(machine), calls: put(machines, 'stop') },
  {
    name: 'forceStop',
    offered: isIn('Stopping'),
    calls: put(machines, 'stop', () => ({ gracePeriod: 0 })),
  },
  { name: 'restart', offered: isIn('Running', 'Paused'), calls: put(machines, 'restart') },
  { name: 'softreboot', offered: runs, calls: put(instances, 'softreboot') },
  {
    name: 'pause',
    offered: (machine) => runs(machine) && !machine.spec.template.spec.livenessProbe,
    calls: put(instances, 'pause'),
  },
  { name: 'unpause', offered: isIn('Paused'), calls: put(instances, 'unpause') },
  {
    name: 'migrate',
    offered: runs,
    calls: put(machines, 'migrate', ({ nodeName }) =>
      typeof nodeName === 'string' && nodeName ? { addedNodeSelector: { 'kubernetes.io/hostname': nodeName } } : {},
    ),
  },
  {
    name: 'addVolume',
    offered: runs,
    calls: put(machines, 'addvolume', (input) => ({
      name: textInput(input, 'diskName'),
      disk: { name: textInput(input, 'diskName'), disk: { bus: 'scsi' }, serial: textInput(input, 'volumeSourceName') },
      volumeSource: {
        persistentVolumeClaim: { claimName: textInput(input, 'volumeSourceName'), hotpluggable: true },
      },
    })),
  },
  {
    name: 'removeVolume',
    offered: runs,
    calls: put(machines, 'removevolume', (input) => ({ name: textInput(input, 'diskName') })),
  },
  { name: 'backup', calls: backup('backup') },
  { name: 'snapshot', calls: backup('snapshot') },
  {
    name: 'restore',
    offered: isOff,
    calls(machine, input) {
      const namespace = namespaceOf(machine.metadata)
      const restore = {
        metadata: { name: textInput(input, 'name'), namespace },
        spec: {
          target: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: machine.metadata.name },
          virtualMachineBackupNamespace: namespace,
          virtualMachineBackupName: textInput(input, 'backupName'),
          newVM: false,
          ...(input.keepMacAddress === undefined ? {} : { keepMacAddress: input.keepMacAddress }),
        },
      }
      return [creation(collectionPath('harvesterhci.io/v1beta1', 'virtualmachinerestores', namespace), restore)]
    },
  },
  { name: 'createTemplate', calls: createTemplate },
]

function backup(type: 'backup' | 'snapshot') {
  return (machine: Machine, input: Record<string, unknown>): ActionCall[] => {
    const namespace = namespaceOf(machine.metadata)
    return [
      creation(collectionPath('harvesterhci.io/v1beta1', 'virtualmachinebackups', namespace), {
        metadata: { name: textInput(input, 'name'), namespace },
        spec: { type, source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: machine.metadata.name } },
      }),
    ]
  }
}

/** A template and its first version with the machine's spec; addresses of its network cards are left out. */
function createTemplate(machine: Machine, input: Record<string, unknown>): ActionCall[] {
  const namespace = namespaceOf(machine.metadata)
  const name = textInput(input, 'name')
  const spec = structuredClone(machine.spec)
  for (const card of spec.template.spec.domain.devices.interfaces ?? []) delete card.macAddress
  const description = typeof input.description === 'string' ? input.description : ''
  return [
    creation(collectionPath('harvesterhci.io/v1beta1', 'virtualmachinetemplates', namespace), {
      metadata: { name, namespace },
      spec: { description },
    }),
    creation(collectionPath('harvesterhci.io/v1beta1', 'virtualmachinetemplateversions', namespace), {
      metadata: { generateName: `${name}-`, namespace },
      spec: {
        templateId: `${namespace}/${name}`,
        vm: { metadata: { annotations: machine.metadata.annotations }, spec },
      },
    }),
  ]
}
