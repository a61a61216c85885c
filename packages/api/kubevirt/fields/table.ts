import { honoured, isSet, notHonoured, refused, type SupportTable } from './support.ts'

const disks = 'domain.devices.disks[]'
const cards = 'domain.devices.interfaces[]'
const devices = 'domain.devices'
const volumes = 'volumes[]'
const hyperv = 'domain.features.hyperv'
const cloudInits = [`${volumes}.cloudInitNoCloud`, `${volumes}.cloudInitConfigDrive`]
const probes = ['livenessProbe', 'readinessProbe']
const within = (at: string, ...names: string[]): string[] => names.map((name) => `${at}.${name}`)

const disksAndCards: SupportTable = {
  ...honoured('name', ...[disks, cards].map((each) => `${each}.name`)),
  ...honoured(
    'machine',
    ...within(disks, 'disk.bus', 'disk.readonly', 'cdrom.bus', 'bootOrder', 'serial', 'cache', 'io', 'errorPolicy'),
    ...within(disks, 'dedicatedIOThread', 'shareable'),
    ...within(`${disks}.blockSize.custom`, 'logical', 'physical', 'discardGranularity'),
    ...within(cards, 'model', 'macAddress', 'bootOrder', 'acpiIndex', 'state'),
  ),
  ...refused('use a disk; commands of SCSI cannot be passed on to a device of the host', `${disks}.lun`),
  ...refused('leave it out; addresses on the bus are assigned and kept', `${disks}.disk.pciAddress`),
  ...refused('leave it out; addresses on the bus are assigned and kept', `${cards}.pciAddress`),
  ...refused('leave it out', `${disks}.changedBlockTracking`),
  ...notHonoured('leave it out or set it to true; a CD-ROM is never written', `${disks}.cdrom.readonly`, is(false)),
  ...notHonoured('leave the medium out for an empty drive; the tray is closed', `${disks}.cdrom.tray`, is('open')),
  ...notHonoured('give custom block sizes; that of the volume is not looked at', `${disks}.blockSize.matchVolume`, on),
  ...notHonoured('use the serial number or the address; tags are not passed on', [`${disks}.tag`, `${cards}.tag`]),
  ...honoured('network', ...within(cards, 'bridge', 'masquerade', 'ports[].port', 'ports[].protocol')),
  ...honoured('name', `${cards}.ports[].name`),
  ...notHonoured('list each port in ports', `${cards}.portRanges`),
  ...refused(
    'use bridge or masquerade',
    ...within(cards, 'sriov', 'slirp', 'macvtap', 'passt', 'passtBinding', 'binding'),
  ),
  ...refused('leave it out; DHCP options are those of the network', `${cards}.dhcpOptions`),
}

const otherDevices: SupportTable = {
  ...honoured('name', `${devices}.inputs[].name`, `${devices}.watchdog.name`, `${devices}.sound.name`),
  ...honoured(
    'machine',
    ...within(`${devices}.inputs[]`, 'type', 'bus'),
    ...within(devices, 'watchdog.i6300esb.action', 'video.type', 'rng', 'autoattachGraphicsDevice', 'tpm.enabled'),
    ...within(devices, 'sound.model', 'panicDevices[].model'),
    ...within(devices, 'autoattachSerialConsole', 'autoattachMemBalloon', 'autoattachInputDevice', 'disableHotplug'),
    ...within(devices, 'blockMultiQueue'),
  ),
  ...honoured('lifecycle', `${devices}.tpm.persistent`),
  ...honoured('network', `${devices}.autoattachPodInterface`),
  ...refused('use i6300esb', `${devices}.watchdog.diag288`),
  ...refused('use a disk; folders are not shared with guests', `${devices}.filesystems`),
  ...refused('leave it out; devices of the host are not given to guests', ...within(devices, 'hostDevices', 'gpus')),
  ...refused('leave it out', ...within(devices, 'clientPassthrough', 'downwardMetrics')),
  ...refused('set it to false', `${devices}.autoattachVSOCK`),
  ...notHonoured(
    'leave it out; what the serial console shows is always recorded',
    `${devices}.logSerialConsole`,
    is(false),
  ),
  ...notHonoured('leave it out; a card has one queue', `${devices}.networkInterfaceMultiqueue`),
  ...notHonoured('give drivers of virtio 1.0 to the guest', `${devices}.useVirtioTransitional`),
}

const processorAndMemory: SupportTable = {
  ...honoured('machine', ...within('domain.cpu', 'sockets', 'cores', 'threads', 'maxSockets', 'model')),
  ...honoured('machine', ...within('domain.cpu.features[]', 'name', 'policy')),
  ...refused('set it to false', 'domain.cpu.dedicatedCpuPlacement'),
  ...refused('leave it out', 'domain.cpu.numa', 'domain.cpu.realtime'),
  ...notHonoured('set it to false; no processor is set apart for the emulator', 'domain.cpu.isolateEmulatorThread'),
  ...honoured('machine', 'domain.memory.guest', 'domain.memory.hugepages.pageSize'),
  ...notHonoured('raise memory.guest and restart; memory is not added to a running guest', 'domain.memory.maxGuest'),
  ...honoured('placement', 'domain.memory.reservedOverhead.addedOverhead'),
  ...notHonoured('leave it out; memory is not locked', 'domain.memory.reservedOverhead.memLock', isLocked),
  ...honoured('placement', ...within('domain.resources', 'requests', 'limits', 'overcommitGuestOverhead')),
}

const board: SupportTable = {
  ...honoured('machine', 'domain.machine.type', ...within('domain.firmware', 'uuid', 'serial')),
  ...honoured('machine', 'domain.firmware.bootloader.efi.secureBoot', 'domain.firmware.bootloader.bios.useSerial'),
  ...honoured('lifecycle', 'domain.firmware.bootloader.efi.persistent'),
  ...refused('boot from a disk', 'domain.firmware.kernelBoot'),
  ...refused('leave it out; ACPI tables are not added', 'domain.firmware.acpi'),
  ...honoured('machine', ...within('domain.chassis', 'manufacturer', 'version', 'serial', 'asset', 'sku')),
  ...honoured('machine', 'domain.clock.utc.offsetSeconds', 'domain.clock.timezone'),
  ...honoured('machine', ...within('domain.clock.timer', 'hpet.present', 'pit.tickPolicy', 'pit.present')),
  ...honoured(
    'machine',
    ...within('domain.clock.timer', 'rtc.tickPolicy', 'rtc.track', 'kvm.present', 'hyperv.present'),
  ),
  ...notHonoured('leave it out; lost ticks of this timer are not made up', 'domain.clock.timer.hpet.tickPolicy'),
  ...notHonoured('leave it out; the clock is there', 'domain.clock.timer.rtc.present', is(false)),
  ...refused('leave it out; the memory of guests is not encrypted', 'domain.launchSecurity'),
}

const features: SupportTable = {
  ...honoured('machine', 'domain.features.acpi.enabled', 'domain.features.smm.enabled', 'domain.features.kvm.hidden'),
  ...honoured(
    'machine',
    ...within(hyperv, 'evmcs', 'frequencies', 'ipi', 'reenlightenment', 'relaxed', 'reset', 'runtime').map(enabled),
    ...within(hyperv, 'spinlocks', 'synic', 'synictimer', 'tlbflush', 'vapic', 'vpindex').map(enabled),
    `${hyperv}.spinlocks.spinlocks`,
  ),
  ...honoured('machine', ...within(hyperv, 'synictimer.direct', 'tlbflush.direct', 'tlbflush.extended').map(enabled)),
  ...honoured('machine', `${hyperv}.vendorid.vendorid`, ...within('domain.features', 'hypervPassthrough').map(enabled)),
  ...honoured('machine', `${hyperv}.vendorid.enabled`, 'domain.features.pvspinlock.enabled'),
  ...honoured('machine', ...within('domain.features.apic', 'enabled', 'endOfInterrupt')),
}

const execution: SupportTable = {
  ...honoured(
    'machine',
    'domain.ioThreadsPolicy',
    'domain.ioThreads.supplementalPoolThreadCount',
    'domain.rebootPolicy',
  ),
  ...honoured('lifecycle', 'startStrategy', 'terminationGracePeriodSeconds'),
  ...honoured('placement', 'nodeSelector', 'priorityClassName', 'affinity', 'tolerations', 'topologySpreadConstraints'),
  ...notHonoured(
    'leave it out; there is one scheduler',
    'schedulerName',
    (name) => isSet(name) && name !== 'default-scheduler',
  ),
  ...notHonoured(
    'stop the machine before its node is emptied; nothing holds up an eviction',
    'evictionStrategy',
    (strategy) => strategy === 'LiveMigrate' || strategy === 'External',
  ),
  ...notHonoured('leave it out; guests run on x86-64', 'architecture', (name) => isSet(name) && name !== 'amd64'),
  ...notHonoured('leave it out', 'resourceClaims'),
  ...honoured(
    'lifecycle',
    ...probes.flatMap((probe) => within(probe, 'guestAgentPing', 'exec.command', 'tcpSocket.port')),
    ...probes.flatMap((probe) => within(`${probe}.httpGet`, 'port', 'path', 'scheme', 'httpHeaders')),
    ...probes.flatMap((probe) => within(probe, 'initialDelaySeconds', 'timeoutSeconds', 'periodSeconds')),
    ...probes.flatMap((probe) => within(probe, 'successThreshold', 'failureThreshold')),
  ),
  ...notHonoured(
    'leave it out; probes go to the guest itself',
    probes.flatMap((probe) => within(probe, 'httpGet.host', 'tcpSocket.host')),
  ),
}

const guest: SupportTable = {
  ...honoured('seed', 'hostname', 'accessCredentials[].sshPublicKey.source'),
  ...honoured('seed', ...within('accessCredentials[].sshPublicKey.propagationMethod', 'noCloud', 'configDrive')),
  ...honoured('lifecycle', 'accessCredentials[].sshPublicKey.propagationMethod.qemuGuestAgent.users'),
  ...honoured('lifecycle', ...within('accessCredentials[].userPassword', 'source', 'propagationMethod')),
  ...notHonoured('reach the guest by its name in the namespace', 'subdomain'),
  ...notHonoured(
    "set the resolver in the guest's network data",
    'dnsPolicy',
    (policy) => isSet(policy) && policy !== 'ClusterFirst' && policy !== 'Default',
  ),
  ...notHonoured("set the resolver in the guest's network data", 'dnsConfig'),
  ...notHonoured('attach a volume of type serviceAccount', 'serviceAccountName'),
}

const media: SupportTable = {
  ...honoured('name', `${volumes}.name`, 'networks[].name'),
  ...honoured('volumes', ...within(`${volumes}.persistentVolumeClaim`, 'claimName', 'readOnly')),
  ...honoured('volumes', `${volumes}.dataVolume.name`, `${volumes}.emptyDisk.capacity`),
  ...honoured('volumes', ...within(volumes, 'persistentVolumeClaim.hotpluggable', 'dataVolume.hotpluggable')),
  ...honoured('seed', ...cloudInits.flatMap((each) => within(each, 'userData', 'userDataBase64', 'secretRef.name'))),
  ...honoured('seed', ...cloudInits.flatMap((each) => within(each, 'networkData', 'networkDataBase64'))),
  ...honoured('seed', ...cloudInits.map((each) => `${each}.networkDataSecretRef.name`)),
  ...honoured('seed', ...within(volumes, 'configMap', 'secret', 'sysprep', 'downwardAPI')),
  ...refused('import the disk as an image', ...within(volumes, 'containerDisk', 'hostDisk', 'containerPath')),
  ...refused('use a claim of its own', `${volumes}.ephemeral`),
  ...refused('leave it out', ...within(volumes, 'serviceAccount', 'downwardMetrics')),
  ...refused('leave it out', `${volumes}.memoryDump`),
  ...notHonoured('attach it as a volume with a disk', 'utilityVolumes'),
  ...notHonoured(
    "leave it out; addresses are those of the cluster's network",
    within('networks[].pod', 'vmNetworkCIDR', 'vmIPv6NetworkCIDR'),
  ),
  ...honoured('network', 'networks[].multus.networkName'),
  ...notHonoured('put the network first; the first card is the default', 'networks[].multus.default', on),
  ...refused('use pod: {} or multus', 'networks[].resourceClaim'),
}

/**
 * What becomes of each field of a VirtualMachineInstance's spec. A field without a row, its own or one above it, fails a test;
 * so does a row without a field.
 */
export const instanceFields: SupportTable = {
  ...disksAndCards,
  ...otherDevices,
  ...processorAndMemory,
  ...board,
  ...features,
  ...execution,
  ...guest,
  ...media,
}

/** The same of a VirtualMachine's spec, without its template. */
export const machineFields: SupportTable = {
  ...honoured('lifecycle', 'runStrategy', 'running'),
  ...notHonoured('make the claims by the annotation harvesterhci.io/volumeClaimTemplates', 'dataVolumeTemplates'),
  ...notHonoured('write out CPU and memory in the template', ['instancetype', 'preference']),
  ...notHonoured(
    'leave it out; a changed volume is used from the next start',
    'updateVolumesStrategy',
    is('Migration'),
  ),
}

function is(wanted: unknown): (value: unknown) => boolean {
  return (value) => value === wanted
}

/** Of an object with `enabled`, which is true unless said. */
function on(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isSet(value)
  return (value as { enabled?: boolean }).enabled !== false
}

function enabled(feature: string): string {
  return `${feature}.enabled`
}

function isLocked(value: unknown): boolean {
  return isSet(value) && value !== 'NotRequired'
}
