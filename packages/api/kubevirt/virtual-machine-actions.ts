import { collectionPath, creation, namespaceOf, textInput } from '../action-call.ts'
import type { ActionCall, TypedAction } from '../kind.ts'
import type { KubeObject } from '../meta.ts'
import { runStrategyAnnotation } from '../names.ts'
import { notBuilt } from '../not-built.ts'
import { cdDrives } from './cd-rom.ts'
import { claimTemplatesAnnotation, parseClaimTemplates } from './claim-templates.ts'
import { reservedMemoryAnnotation } from './guest-memory.ts'
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
  { name: 'snapshot', notBuilt: notBuilt.backups, calls: backup('snapshot') },
  {
    name: 'restore',
    notBuilt: notBuilt.restores,
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
  { name: 'clone', calls: clone },
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

/**
 * A machine with the same spec and copies of the volumes that this one owns. Addresses are new, and so is the host name.
 * Volumes that the machine does not own are left out, since two machines cannot write to one volume.
 */
function clone(machine: Machine, input: Record<string, unknown>): ActionCall[] {
  const namespace = namespaceOf(machine.metadata)
  const name = textInput(input, 'targetVm')
  const spec = structuredClone(machine.spec)
  const template = spec.template.spec
  const copies = new Map<string, string>()
  const templates = parseClaimTemplates(machine.metadata).map((claim) => {
    const source = claim.metadata.name ?? ''
    const volume = template.volumes?.find(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === source)
    const copy = `${name}-${volume?.name ?? source}`
    copies.set(source, copy)
    return {
      metadata: { name: copy, annotations: claim.metadata.annotations },
      spec: { ...claim.spec, volumeName: undefined, dataSource: { kind: 'PersistentVolumeClaim', name: source } },
    }
  })
  const kept = (template.volumes ?? []).filter(
    ({ persistentVolumeClaim }) => !persistentVolumeClaim || copies.has(persistentVolumeClaim.claimName),
  )
  for (const { persistentVolumeClaim } of kept)
    if (persistentVolumeClaim) persistentVolumeClaim.claimName = copies.get(persistentVolumeClaim.claimName) ?? ''
  const left = new Set((template.volumes ?? []).filter((volume) => !kept.includes(volume)).map((volume) => volume.name))
  template.volumes = kept
  template.domain.devices.disks = template.domain.devices.disks?.filter((disk) => !left.has(disk.name))
  for (const card of template.domain.devices.interfaces ?? []) delete card.macAddress
  if (template.domain.firmware) delete template.domain.firmware.uuid
  template.hostname = name
  const reserved = machine.metadata.annotations?.[reservedMemoryAnnotation]
  return [
    creation(collectionPath('kubevirt.io/v1', machines, namespace), {
      metadata: {
        name,
        namespace,
        labels: machine.metadata.labels,
        annotations: {
          [claimTemplatesAnnotation]: JSON.stringify(templates),
          ...(reserved ? { [reservedMemoryAnnotation]: reserved } : {}),
        },
      },
      spec,
    }),
  ]
}
