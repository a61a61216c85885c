import type { Static } from 'typebox'
import { about, Empty, flag, int32, int64, object, oneOf, optional, Quantity, ResourceList, text } from '../schema.ts'
import { CPU } from './cpu.ts'
import { Devices } from './devices.ts'
import { Features } from './features.ts'

/** The machine type that QEMU emulates, such as `q35`. */
export const Machine = optional({ type: text })

const tickTimer = { present: flag, tickPolicy: text }

/** What the guest's clock starts from, and the timers it finds. */
export const Clock = optional({
  utc: optional({ offsetSeconds: int32 }),
  timezone: text,
  timer: optional({
    hpet: optional(tickTimer),
    kvm: optional({ present: flag }),
    pit: optional(tickTimer),
    rtc: optional({ ...tickTimer, track: text }),
    hyperv: optional({ present: flag }),
  }),
})

/** What starts the guest, and its identity. */
export const Firmware = optional({
  uuid: text,
  serial: text,
  bootloader: optional({
    bios: optional({ useSerial: flag }),
    efi: optional({ secureBoot: flag, persistent: flag }),
  }),
  kernelBoot: optional({
    kernelArgs: text,
    container: object(
      { image: text },
      {
        imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
        imagePullSecret: text,
        kernelPath: text,
        initrdPath: text,
      },
    ),
  }),
  acpi: optional({ slicNameRef: text, msdmNameRef: text }),
})
export type Firmware = Static<typeof Firmware>

/** What the guest sees as its memory, and what backs it. */
export const Memory = optional({
  guest: about(Quantity, 'What the guest sees, such as 2Gi.'),
  maxGuest: about(Quantity, 'How far the guest can grow while it runs.'),
  hugepages: optional({ pageSize: text }),
  reservedOverhead: optional({ addedOverhead: Quantity, memLock: text }),
})

/** The virtual machine itself. */
export const Domain = object(
  { devices: Devices },
  {
    cpu: about(CPU, 'How many virtual CPUs the guest sees, and of what model.'),
    memory: about(Memory, 'How much memory the guest sees, and what backs it.'),
    resources: optional({ requests: ResourceList, limits: ResourceList, overcommitGuestOverhead: flag }),
    machine: about(Machine, 'The machine type that is emulated; q35 unless said.'),
    firmware: about(Firmware, 'BIOS or UEFI, and the identity of the machine.'),
    clock: about(Clock, "What the guest's clock starts from, and its timers."),
    features: about(Features, "What the machine offers beside its devices, such as ACPI, SMM and Hyper-V's interface."),
    chassis: optional({ manufacturer: text, version: text, serial: text, asset: text, sku: text }),
    ioThreadsPolicy: text,
    ioThreads: optional({ supplementalPoolThreadCount: int64 }),
    rebootPolicy: text,
    launchSecurity: optional({
      sev: optional({
        policy: optional({ encryptedState: flag }),
        attestation: Empty,
        session: text,
        dhCert: text,
      }),
      snp: Empty,
      tdx: Empty,
    }),
  },
)
export type Domain = Static<typeof Domain>
