import { createHash } from 'node:crypto'
import { guestMemoryBytes } from '@thresher/api/kubevirt/guest-memory'
import { translationCacheBytes } from '@thresher/api/kubevirt/vm-overhead'
import { parseBytes } from '@thresher/api/quantity'
import { pairs, type Draft } from './draft.ts'
import type { QemuInput } from './input.ts'

const mebibyte = 1024 * 1024

/** The guest's memory in bytes, in whole MiB as the chipset wants it. */
function memoryOf({ vmi }: QemuInput): number {
  const bytes = guestMemoryBytes(vmi.spec.domain, vmi.metadata.annotations) ?? 128 * mebibyte
  return Math.ceil(bytes / mebibyte) * mebibyte
}

/** The q35 version to run: the pinned one, the one asked for, or this QEMU's newest. */
function machineTypeOf(draft: Draft, { vmi, host, machineType }: QemuInput): string {
  if (machineType) return machineType
  const asked = vmi.spec.domain.machine?.type ?? ''
  if (/^pc-q35-[A-Za-z0-9.]+$/.test(asked)) return asked
  if (asked !== '' && asked !== 'q35')
    draft.refuse('spec.domain.machine.type', `${JSON.stringify(asked)} cannot be run; use q35`)
  return `pc-q35-${host.qemu.major}.${host.qemu.minor}`
}

/** `-machine`, `-accel`, `-m`, the clock and the identity in SMBIOS. @returns what the status tells of it */
export function addMachine(draft: Draft, input: QemuInput): { machineType: string; uuid: string; guestBytes: number } {
  const { vmi, host } = input
  const { domain } = vmi.spec
  const machineType = machineTypeOf(draft, input)
  const guestBytes = memoryOf(input)
  const secureBoot = domain.firmware?.bootloader?.efi?.secureBoot ?? false
  const hugePage = domain.memory?.hugepages?.pageSize
  draft.refuseIf(
    domain.launchSecurity,
    'spec.domain.launchSecurity',
    'encrypted guest memory is not available; remove it',
  )
  draft.add(
    '-machine',
    pairs({
      type: machineType,
      vmport: 'off',
      'dump-guest-core': 'off',
      smm: secureBoot || domain.features?.smm ? 'on' : 'off',
      hpet: domain.clock?.timer?.hpet?.present ? 'on' : 'off',
      acpi: domain.features?.acpi?.enabled === false ? 'off' : undefined,
      pit: domain.clock?.timer?.pit?.present === false ? 'off' : undefined,
      // SeaBIOS then speaks on the serial port too; displays stay as they are.
      graphics: domain.firmware?.bootloader?.bios?.useSerial ? 'off' : undefined,
      'memory-backend': hugePage ? 'ram0' : undefined,
    }),
  )
  draft.add(
    '-accel',
    host.accelerator === 'kvm' ? 'kvm' : `tcg,thread=multi,tb-size=${translationCacheBytes(guestBytes) / mebibyte}`,
  )
  draft.add('-m', `size=${guestBytes / mebibyte}M`)
  if (hugePage) addHugePages(draft, hugePage, guestBytes)
  addClock(draft, input)
  const uuid = domain.firmware?.uuid || uuidOf(`${vmi.metadata.namespace}/${vmi.metadata.name}`)
  draft.add('-uuid', uuid)
  addIdentity(draft, domain)
  return { machineType, uuid, guestBytes }
}

function addHugePages(draft: Draft, pageSize: string, guestBytes: number): void {
  const bytes = parseBytes(pageSize)
  if (guestBytes % bytes !== 0)
    draft.refuse('spec.domain.memory.hugepages.pageSize', `the guest's memory is not a multiple of ${pageSize}`)
  draft.object('memory-backend-memfd', { id: 'ram0', size: guestBytes, hugetlb: true, hugetlbsize: bytes })
}

function addClock(draft: Draft, { vmi, host, now }: QemuInput): void {
  const { utc, timezone, timer } = vmi.spec.domain.clock ?? {}
  let base = 'utc'
  if (timezone) base = wallClock(draft, timezone, now) ?? base
  else if (utc?.offsetSeconds) base = isoSeconds(now.getTime() + utc.offsetSeconds * 1000)
  const driftfix = timer?.rtc?.tickPolicy === 'catchup' ? 'slew' : undefined
  draft.add('-rtc', pairs({ base, clock: trackOf(draft, timer?.rtc?.track), driftfix }))
  if (timer?.pit?.tickPolicy === 'delay' && host.accelerator === 'kvm')
    draft.add('-global', 'kvm-pit.lost_tick_policy=delay')
}

/** Whether the clock goes on while the guest is stopped. */
function trackOf(draft: Draft, track: string | undefined): string | undefined {
  if (!track) return undefined
  if (track === 'guest') return 'vm'
  if (track !== 'wall')
    draft.refuse('spec.domain.clock.timer.rtc.track', `${JSON.stringify(track)} is unknown; use guest or wall`)
  return 'host'
}

/** What a wall clock in that zone shows, for guests that keep local time in the hardware clock. */
function wallClock(draft: Draft, timezone: string, now: Date): string | undefined {
  try {
    const text = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' })
    return text.format(now).replace(' ', 'T')
  } catch {
    draft.refuse('spec.domain.clock.timezone', `${JSON.stringify(timezone)} is not a time zone such as Europe/Berlin`)
    return undefined
  }
}

function isoSeconds(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19)
}

function addIdentity(draft: Draft, domain: QemuInput['vmi']['spec']['domain']): void {
  const { chassis, firmware } = domain
  draft.refuseIf(
    firmware?.kernelBoot,
    'spec.domain.firmware.kernelBoot',
    'kernels in container images cannot be started; boot from a disk',
  )
  draft.refuseIf(firmware?.acpi, 'spec.domain.firmware.acpi', 'ACPI tables cannot be added; remove it')
  const system = pairs({
    manufacturer: chassis?.manufacturer ?? 'Thresher',
    product: 'Virtual Machine',
    version: chassis?.version,
    serial: firmware?.serial,
    sku: chassis?.sku,
  })
  draft.add('-smbios', `type=1,${system}`)
  if (chassis) {
    const { manufacturer, version, serial, asset, sku } = chassis
    draft.add('-smbios', ['type=3', pairs({ manufacturer, version, serial, asset, sku })].filter(Boolean).join(','))
  }
}

/** A name's own UUID, the same for ever. @see RFC 9562 §5.8 (version 8: any hash) */
function uuidOf(name: string): string {
  const bytes = createHash('sha256').update(`thresher virtual machine ${name}`).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
