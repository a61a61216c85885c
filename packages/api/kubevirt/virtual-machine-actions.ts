import { collectionPath, creation, namespaceOf, textInput } from '../action-call.ts'
import type { ActionCall, TypedAction } from '../kind.ts'
import type { KubeObject } from '../meta.ts'
import { runStrategyAnnotation } from '../names.ts'
import { notBuilt } from '../not-built.ts'
import { cdDrives } from './cd-rom.ts'
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
  { name: 'stop', offered: (machine) => !isOff(machine), calls: halt },
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
    notBuilt: notBuilt.migration,
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
  { name: 'insertCdRomVolume', offered: (machine) => cdDrives(machine).some(({ loaded }) => !loaded) },
  { name: 'ejectCdRomVolume', offered: (machine) => cdDrives(machine).some(({ hot }) => hot) },
  { name: 'backup', notBuilt: notBuilt.backups, calls: backup('backup') },
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
          ...(input.haltAfterRestore === undefined ? {} : { haltAfterRestore: input.haltAfterRestore }),
        },
      }
      return [creation(collectionPath('harvesterhci.io/v1beta1', 'virtualmachinerestores', namespace), restore)]
    },
  },
  { name: 'createTemplate' },
  { name: 'clone' },
  { name: 'findMigratableNodes', offered: runs },
  { name: 'abortMigration', notBuilt: notBuilt.migration, offered: isIn('Migrating') },
  {
    name: 'cpuAndMemoryHotplug',
    offered: (machine) =>
      runs(machine) && machine.metadata.annotations?.['harvesterhci.io/enableCPUAndMemoryHotplug'] === 'true',
    calls(machine, input) {
      const cpu = typeof input.sockets === 'number' ? { cpu: { sockets: input.sockets } } : {}
      const memory = typeof input.memory === 'string' ? { memory: { guest: input.memory } } : {}
      const path = `${collectionPath('kubevirt.io/v1', machines, namespaceOf(machine.metadata))}/${machine.metadata.name}`
      return [{ method: 'PATCH', path, body: { spec: { template: { spec: { domain: { ...cpu, ...memory } } } } } }]
    },
  },
]

/** Off until it is started, whatever its run strategy, which the next start brings back. */
function halt({ metadata, spec }: Machine): ActionCall[] {
  const before = spec.runStrategy ?? (spec.running ? 'Always' : 'Halted')
  const kept = before === 'Halted' ? {} : { metadata: { annotations: { [runStrategyAnnotation]: before } } }
  const off = spec.runStrategy === undefined ? { running: false } : { runStrategy: 'Halted' }
  const path = `${collectionPath('kubevirt.io/v1', machines, namespaceOf(metadata))}/${encodeURIComponent(metadata.name ?? '')}`
  return [{ method: 'PATCH', path, body: { ...kept, spec: off } }]
}

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
