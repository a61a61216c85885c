import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from '@thresher/api/type'
import { matches } from '@thresher/api/matches'
import { confinement, type QemuUser } from './process.ts'

/** What runs guests here, and why not something quicker. */
export const Acceleration = Type.Object({
  accelerator: Type.Enum(['kvm', 'tcg']),
  /** One word for a condition. */
  reason: Type.String(),
  /** One sentence for people. */
  message: Type.String(),
})
export type Acceleration = Static<typeof Acceleration>

const Kept = Type.Object({ key: Type.String(), acceleration: Acceleration })

/** Far more than the 0.1 s it takes, as the host may be busy; a broken KVM never comes back. */
const probeLimitMs = 3000

/** What the probe's guest writes to the exit port ends QEMU with `2 × value + 1`. @see QEMU's isa-debug-exit */
const exitPort = 0xf4
const exitValue = 0x10

/**
 * A firmware of 64 KiB that runs real guest code: from the reset vector into 32-bit protected mode, a million rounds of a
 * loop, then out by the exit port. An emulated device or a stubbed interface cannot do that.
 */
export function probeFirmware(): Buffer {
  const image = Buffer.alloc(64 * 1024)
  const at = (offset: number, hex: string): void => void image.write(hex.replaceAll(' ', ''), offset, 'hex')
  // cli; lgdt cs:[0x40]; mov eax,cr0; or al,1; mov cr0,eax; jmp 8:0xffff0020
  at(0x00, 'fa 2e660f01164000 0f20c0 0c01 0f22c0 66ea2000ffff0800')
  // mov ecx,1000000; l: dec ecx; jnz l; mov al,exitValue; out exitPort,al; hlt
  at(0x20, `b940420f00 49 75fd b0${exitValue.toString(16)} e6${exitPort.toString(16)} f4 ebfd`)
  // The descriptor table's limit and address, its empty first entry, and 4 GiB of 32-bit code.
  at(0x40, '0f00 5000ffff')
  at(0x58, 'ffff0000009acf00')
  // The reset vector: jmp 0
  at(0xfff0, 'e90d00')
  return image
}

/** Where the device that gives access to KVM is, and which program and user will use it. */
export interface ProbeOptions {
  program: string
  user: QemuUser
  device?: string
  limitMs?: number
}

/** Find out what runs guests by running one. */
export async function probeAcceleration(options: ProbeOptions): Promise<Acceleration> {
  const { device = '/dev/kvm', user } = options
  let group: number
  try {
    group = openTo(device, user)
  } catch {
    return tcg('NoKvmDevice', `there is no ${device}: this host's processor or hypervisor offers no virtualization`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'thresher-probe-'))
  try {
    chmodSync(folder, 0o755)
    const firmware = join(folder, 'probe.bin')
    writeFileSync(firmware, probeFirmware(), { mode: 0o644 })
    return await runProbe(firmware, { ...user, groups: [...user.groups, group] }, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runProbe(firmware: string, user: QemuUser, { program, limitMs }: ProbeOptions): Promise<Acceleration> {
  const limit = limitMs ?? probeLimitMs
  const args = ['-accel', 'kvm', '-machine', 'q35', '-nodefaults', '-no-user-config', '-display', 'none', '-m', '16']
  args.push('-bios', firmware, '-device', `isa-debug-exit,iobase=0x${exitPort.toString(16)},iosize=1`, '-no-reboot')
  return new Promise((resolve) => {
    const command = [...confinement(user), '--', program, ...args]
    const options = { timeout: limit, killSignal: 'SIGKILL' as const, cwd: '/' }
    execFile('setpriv', command, options, (error, _output, words) => {
      if ((error as { code?: unknown } | null)?.code === 2 * exitValue + 1)
        return resolve({ accelerator: 'kvm', reason: 'KvmWorks', message: 'guest code ran under KVM' })
      if (error?.killed)
        return resolve(
          tcg(
            'KvmHangs',
            `guest code under KVM did not come back within ${limit} ms; guests are emulated, which is slow`,
          ),
        )
      const why = words.trim().split('\n').at(-1) || (error?.message ?? 'QEMU ended early')
      resolve(tcg('KvmFails', `guest code does not run under KVM (${why}); guests are emulated, which is slow`))
    })
  })
}

function tcg(reason: string, message: string): Acceleration {
  return { accelerator: 'tcg', reason, message }
}

/**
 * Let QEMU's user open the device: by the group it has, or where that is root's, by QEMU's own.
 *
 * @returns the group to be in
 */
export function openTo(device: string, user: QemuUser): number {
  const { gid } = statSync(device)
  const group = gid === 0 ? user.gid : gid
  if (gid === 0) chownSync(device, 0, user.gid)
  chmodSync(device, 0o660)
  return group
}

/**
 * As {@link probeAcceleration}, remembered until the host starts again or another QEMU or kernel is installed.
 *
 * @param file where it is remembered
 */
export async function knownAcceleration(
  file: string,
  qemuVersion: string,
  options: ProbeOptions,
): Promise<Acceleration> {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const key = [bootId, release(), qemuVersion].join(' ')
  try {
    const kept: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (matches(Kept, kept) && kept.key === key) return kept.acceleration
  } catch {
    // Not remembered yet.
  }
  const acceleration = await probeAcceleration(options)
  writeFileSync(file, JSON.stringify({ key, acceleration }), { mode: 0o644 })
  return acceleration
}
