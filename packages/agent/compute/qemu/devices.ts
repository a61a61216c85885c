import type { Devices } from '@thresher/api/kubevirt/devices'
import { hasTpm } from '@thresher/api/kubevirt/tpm'
import { pairs, type Draft } from './draft.ts'
import type { QemuInput } from './input.ts'
import { onRootBus, slots } from './pci.ts'
import { addSound } from './sound.ts'

/** The id of QEMU's connection to the TPM. */
export const tpmChardev = 'tpm0-control'

/** Random numbers, balloon, input, watchdog, TPM and the panic notifier. @returns whether there is a balloon */
export function addSmallDevices(draft: Draft, input: QemuInput, needsUsb: boolean): boolean {
  const { devices } = input.vmi.spec.domain
  refuseUnsupported(draft, devices)
  const inputs = inputsOf(devices)
  if (needsUsb || inputs.some(({ bus }) => bus === 'usb'))
    draft.device('qemu-xhci', { id: 'usb0', ...onRootBus(slots.usb) })
  // A guest without entropy waits at its first boot, so everyone gets it, asked or not.
  draft.object('rng-random', { id: 'rng0-source', filename: '/dev/urandom' })
  draft.device('virtio-rng-pci', { id: 'rng0', rng: 'rng0-source', ...onRootBus(slots.rng) })
  const balloon = devices.autoattachMemBalloon !== false
  if (balloon)
    draft.device('virtio-balloon-pci', {
      id: 'balloon0',
      'free-page-reporting': true,
      'deflate-on-oom': true,
      ...onRootBus(slots.balloon),
    })
  addInputs(draft, inputs)
  addWatchdog(draft, devices)
  if (hasTpm(input.vmi.spec.domain)) addTpm(draft, input)
  addPanicDevices(draft, devices)
  addSound(draft, devices)
  return balloon
}

interface Input {
  type: string
  bus: string
  at: string
}

/** The inputs asked for; else, with a display, a tablet, so that the pointer follows that of the viewer. */
function inputsOf(devices: Devices): Input[] {
  const asked = (devices.inputs ?? []).map(({ type, bus }, index) => ({
    type,
    bus: bus || 'usb',
    at: `spec.domain.devices.inputs[${index}]`,
  }))
  const wanted = devices.autoattachGraphicsDevice !== false && devices.autoattachInputDevice !== false
  return asked.length > 0 || !wanted ? asked : [{ type: 'tablet', bus: 'virtio', at: 'spec.domain.devices' }]
}

function addInputs(draft: Draft, inputs: Input[]): void {
  const seen = new Set<string>()
  for (const [index, { type, bus, at }] of inputs.entries()) {
    if (type !== 'tablet' && type !== 'keyboard') {
      draft.refuse(`${at}.type`, `${JSON.stringify(type)} is not available; use tablet or keyboard`)
      continue
    }
    if (bus === 'usb')
      draft.device(type === 'tablet' ? 'usb-tablet' : 'usb-kbd', { id: `input${index}`, bus: 'usb0.0' })
    else if (bus === 'virtio' && !seen.has(type)) {
      seen.add(type)
      draft.device(type === 'tablet' ? 'virtio-tablet-pci' : 'virtio-keyboard-pci', {
        id: `input${index}`,
        ...onRootBus(slots[type]),
      })
    } else draft.refuse(`${at}.bus`, bus === 'virtio' ? `one virtio ${type} is enough` : 'use usb or virtio')
  }
}

/** A TPM 2.0, whose process listens already. */
function addTpm(draft: Draft, { host, paths }: QemuInput): void {
  if (!host.swtpm)
    draft.refuse('spec.domain.devices.tpm', 'TPMs cannot be emulated on this node; install the package swtpm')
  draft.add('-chardev', `socket,${pairs({ id: tpmChardev, path: paths.tpm })}`)
  draft.add('-tpmdev', pairs({ type: 'emulator', id: 'tpm0-backend', chardev: tpmChardev }).replace(/^type=/, ''))
  draft.device('tpm-crb', { id: 'tpm0', tpmdev: 'tpm0-backend' })
}

/** Tell of a crashed guest kernel, which otherwise looks like a guest that is merely silent. Every guest has one on ISA. */
function addPanicDevices(draft: Draft, { panicDevices = [] }: Devices): void {
  draft.device('pvpanic', { id: 'panic0' })
  for (const [index, device] of panicDevices.entries()) {
    const model = device.model || 'isa'
    if (model === 'pvpanic' && panicDevices.findIndex((each) => each.model === model) === index)
      draft.device('pvpanic-pci', { id: 'panic1', ...onRootBus(slots.panic) })
    else if (model !== 'isa' && model !== 'pvpanic')
      draft.refuse(
        `spec.domain.devices.panicDevices[${index}].model`,
        `${JSON.stringify(model)} is not available; use isa or pvpanic`,
      )
  }
}

const watchdogActions: Record<string, string> = { poweroff: 'poweroff', reset: 'reset', shutdown: 'shutdown' }

function addWatchdog(draft: Draft, { watchdog }: Devices): void {
  if (!watchdog) return
  draft.refuseIf(watchdog.diag288, 'spec.domain.devices.watchdog.diag288', 'this processor has none; use i6300esb')
  const action = watchdogActions[watchdog.i6300esb?.action ?? 'reset']
  if (action === undefined)
    draft.refuse('spec.domain.devices.watchdog.i6300esb.action', 'use poweroff, reset or shutdown')
  draft.device('i6300esb', { id: 'watchdog0', ...onRootBus(slots.watchdog) })
  draft.add('-action', `watchdog=${action}`)
}

function refuseUnsupported(draft: Draft, devices: Devices): void {
  const at = 'spec.domain.devices'
  draft.refuseIf(devices.gpus, `${at}.gpus`, 'GPUs of the host cannot be given to guests yet; remove them')
  draft.refuseIf(
    devices.hostDevices,
    `${at}.hostDevices`,
    'devices of the host cannot be given to guests yet; remove them',
  )
  draft.refuseIf(devices.filesystems, `${at}.filesystems`, 'folders cannot be shared with guests; use a disk')
  draft.refuseIf(
    devices.clientPassthrough,
    `${at}.clientPassthrough`,
    'USB devices of a viewer cannot be passed on; remove it',
  )
  draft.refuseIf(devices.downwardMetrics, `${at}.downwardMetrics`, 'metrics of the host are not passed on; remove it')
  draft.refuseIf(
    devices.autoattachVSOCK || undefined,
    `${at}.autoattachVSOCK`,
    'VSOCK is not available; set it to false',
  )
}
