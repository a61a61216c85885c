import { collectionPath, creation, namespaceOf, textInput } from '../action-call.ts'
import { ApiError } from '../error.ts'
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
  { name: 'addNic', offered: runs, calls: addNic },
  { name: 'removeNic', offered: (machine) => runs(machine) && hotUnpluggable(machine).length > 0, calls: removeNic },
  { name: 'findHotunpluggableNics', offered: runs },
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

/**
 * The cards of a machine that can go while it runs: those that a guest can let go of, and not its last. As Harvester has it, without
 * those whose address is not fixed.
 */
export function hotUnpluggable({ spec }: Machine): string[] {
  const cards = (spec.template.spec.domain.devices.interfaces ?? []).filter(({ state }) => state !== 'absent')
  if (cards.length < 2) return []
  return cards
    .filter((card) => card.bridge && (card.model ?? 'virtio') === 'virtio' && card.macAddress)
    .map(({ name }) => name)
}

/** `addNic {interfaceName, networkName, macAddress}`. */
function addNic(machine: Machine, input: Record<string, unknown>): ActionCall[] {
  const { networks = [], domain } = machine.spec.template.spec
  const name = textInput(input, 'interfaceName')
  const { interfaces = [] } = domain.devices
  if (interfaces.some((card) => card.name === name))
    throw new ApiError('Conflict', `${machine.metadata.name} has a network card ${name} already; choose another name`)
  const card = { name, model: 'virtio', bridge: {}, macAddress: textInput(input, 'macAddress') }
  const network = { name, multus: { networkName: textInput(input, 'networkName') } }
  return [
    templatePatch(machine, {
      networks: [...networks, network],
      domain: { devices: { interfaces: [...interfaces, card] } },
    }),
  ]
}

/** `removeNic {interfaceName}`: the card goes when the guest lets go of it. */
function removeNic(machine: Machine, input: Record<string, unknown>): ActionCall[] {
  const name = textInput(input, 'interfaceName')
  const known = hotUnpluggable(machine)
  if (!known.includes(name))
    throw new ApiError(
      'Conflict',
      `the network card ${JSON.stringify(name)} cannot go while ${machine.metadata.name} runs; ${known.length > 0 ? `use ${known.join(', ')}` : 'stop it first'}`,
    )
  const { interfaces = [] } = machine.spec.template.spec.domain.devices
  const cards = interfaces.map((card) => (card.name === name ? { ...card, state: 'absent' } : card))
  return [templatePatch(machine, { domain: { devices: { interfaces: cards } } })]
}

/** Change the template of a machine, unless another did meanwhile. */
function templatePatch({ metadata }: Machine, spec: unknown): ActionCall {
  const path = `${collectionPath('kubevirt.io/v1', machines, namespaceOf(metadata))}/${encodeURIComponent(metadata.name ?? '')}`
  const { resourceVersion } = metadata
  return { method: 'PATCH', path, body: { metadata: { resourceVersion }, spec: { template: { spec } } } }
}

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
