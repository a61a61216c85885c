import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import { instanceFields } from '@thresher/api/kubevirt/fields/table'
import { checkInstanceSpec } from '@thresher/api/kubevirt/instance-rules'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Pod } from '@thresher/api/core/pod'
import { describe, expect, it } from 'vitest'
import { resolveRun } from '../resolve.ts'
import { testInstance } from '../testing.ts'
import { qemuConfig } from './config.ts'
import { UnsupportedSpecError } from './draft.ts'

const fieldsOf = (what: string): string[] =>
  Object.entries(instanceFields).flatMap(([field, support]) =>
    (support.is === 'honoured' ? support.by : support.is) === what ? [field] : [],
  )

/** A value for each field that the command line shows, and what must stand beside it. */
const shown: Record<string, { value: unknown; beside?: Record<string, unknown> }> = {
  'domain.devices.disks[].disk.bus': { value: 'sata' },
  'domain.devices.disks[].disk.readonly': { value: true, beside: { 'domain.devices.disks[].disk.bus': 'scsi' } },
  'domain.devices.disks[].cdrom.bus': { value: 'scsi', beside: { 'domain.devices.disks[].disk': undefined } },
  'domain.devices.disks[].bootOrder': { value: 7 },
  'domain.devices.disks[].serial': { value: 'S1' },
  'domain.devices.disks[].cache': { value: 'none' },
  'domain.devices.disks[].io': { value: 'native' },
  'domain.devices.disks[].errorPolicy': { value: 'report' },
  'domain.devices.disks[].dedicatedIOThread': { value: true },
  'domain.devices.disks[].shareable': { value: true },
  'domain.devices.disks[].blockSize.custom.logical': { value: 4096 },
  'domain.devices.disks[].blockSize.custom.physical': { value: 4096 },
  'domain.devices.disks[].blockSize.custom.discardGranularity': { value: 4096 },
  'domain.devices.interfaces[].model': { value: 'e1000e' },
  'domain.devices.interfaces[].bootOrder': { value: 3 },
  'domain.devices.interfaces[].acpiIndex': { value: 3 },
  'domain.devices.interfaces[].state': { value: 'absent' },
  'domain.devices.inputs[].type': { value: 'keyboard', beside: { 'domain.devices.inputs[].type': 'tablet' } },
  'domain.devices.inputs[].bus': { value: 'virtio', beside: { 'domain.devices.inputs[].type': 'keyboard' } },
  'domain.devices.watchdog.i6300esb.action': { value: 'poweroff', beside: { 'domain.devices.watchdog.name': 'w' } },
  'domain.devices.video.type': { value: 'virtio' },
  'domain.devices.autoattachGraphicsDevice': { value: false },
  'domain.devices.autoattachSerialConsole': { value: false },
  'domain.devices.autoattachMemBalloon': { value: false },
  'domain.devices.autoattachInputDevice': { value: false },
  'domain.devices.disableHotplug': { value: true },
  'domain.devices.blockMultiQueue': { value: true },
  'domain.devices.tpm.enabled': { value: false, beside: { 'domain.devices.tpm': {} } },
  'domain.devices.sound.model': { value: 'ac97', beside: { 'domain.devices.sound.name': 's' } },
  'domain.devices.panicDevices[].model': { value: 'pvpanic' },
  'domain.cpu.sockets': { value: 2 },
  'domain.cpu.cores': { value: 2 },
  'domain.cpu.threads': { value: 2 },
  'domain.cpu.maxSockets': { value: 4 },
  'domain.cpu.model': { value: 'Nehalem' },
  'domain.cpu.features[].name': { value: 'avx2', beside: { 'domain.cpu.features[].policy': 'require' } },
  'domain.cpu.features[].policy': { value: 'disable', beside: { 'domain.cpu.features[].name': 'avx' } },
  'domain.memory.guest': { value: '128Mi' },
  'domain.memory.hugepages.pageSize': { value: '2Mi' },
  'domain.machine.type': { value: 'pc-q35-6.2' },
  'domain.firmware.uuid': { value: '5d307ca9-b3ef-428c-8861-06e72d69f223' },
  'domain.firmware.serial': { value: 'S' },
  'domain.firmware.bootloader.efi.secureBoot': { value: true },
  'domain.firmware.bootloader.bios.useSerial': { value: true },
  ...Object.fromEntries(
    ['manufacturer', 'version', 'serial', 'asset', 'sku'].map((each) => [`domain.chassis.${each}`, { value: 'x' }]),
  ),
  'domain.clock.utc.offsetSeconds': { value: 60 },
  'domain.clock.timezone': { value: 'Europe/Berlin' },
  'domain.clock.timer.hpet.present': { value: true },
  'domain.clock.timer.pit.tickPolicy': { value: 'delay' },
  'domain.clock.timer.pit.present': { value: false },
  'domain.clock.timer.rtc.tickPolicy': { value: 'catchup' },
  'domain.clock.timer.rtc.track': { value: 'guest' },
  'domain.clock.timer.kvm.present': { value: false },
  'domain.clock.timer.hyperv.present': { value: true },
  'domain.features.acpi.enabled': { value: false },
  'domain.features.smm.enabled': { value: true },
  'domain.features.kvm.hidden': { value: true },
  'domain.features.pvspinlock.enabled': { value: false },
  'domain.features.apic.enabled': { value: false },
  'domain.features.apic.endOfInterrupt': { value: true },
  'domain.features.hypervPassthrough.enabled': { value: true },
  ...Object.fromEntries(
    [
      'evmcs',
      'frequencies',
      'ipi',
      'reenlightenment',
      'relaxed',
      'reset',
      'runtime',
      'spinlocks',
      'synic',
      'synictimer',
    ]
      .concat(['tlbflush', 'vapic', 'vpindex'])
      .map((each) => [`domain.features.hyperv.${each}.enabled`, { value: true }]),
  ),
  'domain.features.hyperv.spinlocks.spinlocks': {
    value: 8191,
    beside: { 'domain.features.hyperv.spinlocks.enabled': true },
  },
  'domain.features.hyperv.synictimer.direct.enabled': {
    value: true,
    beside: { 'domain.features.hyperv.synictimer.enabled': true },
  },
  'domain.features.hyperv.tlbflush.direct.enabled': {
    value: true,
    beside: { 'domain.features.hyperv.tlbflush.enabled': true },
  },
  'domain.features.hyperv.tlbflush.extended.enabled': {
    value: true,
    beside: { 'domain.features.hyperv.tlbflush.enabled': true },
  },
  'domain.features.hyperv.vendorid.enabled': {
    value: false,
    beside: { 'domain.features.hyperv.vendorid.vendorid': 'x' },
  },
  'domain.features.hyperv.vendorid.vendorid': { value: 'Thresher' },
  'domain.ioThreadsPolicy': { value: 'shared' },
  'domain.ioThreads.supplementalPoolThreadCount': {
    value: 3,
    beside: { 'domain.ioThreadsPolicy': 'supplementalPool', 'domain.ioThreads.supplementalPoolThreadCount': 1 },
  },
  'domain.rebootPolicy': { value: 'Terminate' },
}

/** Every machine has it, asked or not. */
const always = ['domain.devices.rng']
/** The resolution of volumes and networks shows them, not the command line. */
const elsewhere = ['domain.devices.interfaces[].macAddress']

/** A value for each field with which no machine starts. */
const forbidden: Record<string, unknown> = {
  'domain.devices.disks[].lun': {},
  'domain.devices.disks[].disk.pciAddress': '0000:00:1f.0',
  'domain.devices.disks[].changedBlockTracking': true,
  'domain.devices.interfaces[].pciAddress': '0000:00:1f.0',
  'domain.devices.interfaces[].binding': { name: 'x' },
  'domain.devices.interfaces[].dhcpOptions': { bootFileName: 'x' },
  'domain.devices.watchdog': { name: 'w', diag288: {} },
  'domain.devices.watchdog.diag288': {},
  'domain.devices.filesystems': [{ name: 'f', virtiofs: {} }],
  'domain.devices.hostDevices': [{ name: 'h' }],
  'domain.devices.gpus': [{ name: 'g' }],
  'domain.devices.autoattachVSOCK': true,
  'domain.cpu.dedicatedCpuPlacement': true,
  'domain.cpu.numa': { guestMappingPassthrough: {} },
  'volumes[].containerDisk': { image: 'x' },
  'volumes[].hostDisk': { path: '/x', type: 'Disk' },
  'volumes[].containerPath': { path: '/x' },
  'volumes[].ephemeral': { persistentVolumeClaim: { claimName: 'c' } },
  'volumes[].memoryDump': { claimName: 'c' },
  'networks[].resourceClaim': {},
}

/** What has to go where a field of these takes its place. */
const besides = [
  ['volumes[]', 'volumes[].persistentVolumeClaim'],
  ['networks[]', 'networks[].pod'],
  ['domain.devices.interfaces[]', 'domain.devices.interfaces[].masquerade'],
  ['domain.devices.disks[].lun', 'domain.devices.disks[].disk'],
] as const

/** The spec with a value at a path; the first item of a list stands for all. */
function withValue(spec: object, path: string, value: unknown): VirtualMachineInstance['spec'] {
  const copy = structuredClone(spec) as Record<string, unknown>
  const steps = path.replaceAll('[]', '.0').split('.')
  let at: Record<string, unknown> = copy
  for (const [index, step] of steps.slice(0, -1).entries())
    at = (at[step] ??= steps[index + 1] === '0' ? [] : {}) as Record<string, unknown>
  const last = steps.at(-1)!
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy as unknown as VirtualMachineInstance['spec']
}

const base: VirtualMachineInstance['spec'] = {
  ...testInstance('u1', {
    devices: {
      disks: [{ name: 'root', disk: { bus: 'virtio' } }],
      interfaces: [{ name: 'default', masquerade: {} }],
    },
  }).spec,
  networks: [{ name: 'default', pod: {} }],
}

function argsOf(spec: VirtualMachineInstance['spec']): string[] {
  const readOnly = spec.domain.devices.disks?.[0]?.disk?.readonly ?? false
  return qemuConfig({
    vmi: { ...testInstance('u1'), spec },
    host: {
      accelerator: 'kvm',
      qemu: { major: 7, minor: 2, micro: 22 },
      ovmf: '/usr/share/OVMF',
      swtpm: true,
    },
    volumes: new Map([
      [
        'root',
        {
          nodeName: 'vol0',
          // As the storage driver publishes it; resolve.ts asks for that.
          blockdevs: [
            { driver: 'file', 'node-name': 'vol0-file', filename: '/v/0', 'read-only': readOnly },
            { driver: 'qcow2', 'node-name': 'vol0', file: 'vol0-file', 'read-only': readOnly },
          ],
          files: [],
        },
      ],
    ]),
    nics: new Map([['default', { mac: '52:54:00:00:00:01', ifname: 'tap0', offloads: true, mtu: 1442 }]]),
    paths: {
      qmp: '/r/qmp.sock',
      serial: '/r/serial.sock',
      vnc: '/r/vnc.sock',
      guestAgent: '/r/ga.sock',
      pidFile: '/r/qemu.pid',
      nvram: '/r/nvram.fd',
      tpm: '/r/tpm.sock',
    },
    places: placeDevices(readPlaces(), spec),
    now: new Date('2026-01-02T03:04:05Z'),
  }).args
}

/** The fields that admission, the resolution of volumes and networks, or the plan refuses. */
function refusedFields(spec: VirtualMachineInstance['spec']): string[] {
  const admitted = checkInstanceSpec(spec, 'spec')
  if (admitted.length > 0) return admitted.map(({ field }) => field)
  const vmi = { ...testInstance('u1'), spec }
  const resolution = resolveRun({
    vmi,
    pod: { metadata: {} } as Pod,
    claim: () => undefined,
    volume: () => undefined,
    drivers: new Set(),
  } as unknown as Parameters<typeof resolveRun>[0])
  if (!resolution.ready && 'errors' in resolution) return resolution.errors.map(({ field }) => field)
  try {
    argsOf(spec)
  } catch (error) {
    if (error instanceof UnsupportedSpecError) return error.errors.map(({ field }) => field)
    throw error
  }
  return []
}

describe('every field that the table says the machine shows', () => {
  it('has a value here', () => {
    expect([...Object.keys(shown), ...always, ...elsewhere].toSorted()).toEqual(fieldsOf('machine').toSorted())
  })

  it.each(Object.entries(shown))('changes the command line: %s', (field, { value, beside = {} }) => {
    const around = Object.entries(beside).reduce((spec, [path, each]) => withValue(spec, path, each), base)
    const spec = withValue(around, field, value)
    expect(argsOf(spec)).not.toEqual(argsOf(around))
  })
})

describe('every field that the table says is refused', () => {
  it.each(fieldsOf('refused'))('is refused by its name: %s', (field) => {
    const spec = withValue(base, field, forbidden[field] ?? {})
    const beside = besides.find(([within]) => field.startsWith(within))?.[1]
    const bare = beside === undefined || field === beside ? spec : withValue(spec, beside, undefined)
    const named = `spec.${field.replaceAll('[]', '[0]')}`
    expect(refusedFields(bare).filter((each) => named.startsWith(each) || each.startsWith(named))).not.toEqual([])
  })
})
