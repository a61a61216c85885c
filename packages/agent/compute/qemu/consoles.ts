import { pairs, type Draft } from './draft.ts'
import type { QemuInput } from './input.ts'
import { onRootBus, slots } from './pci.ts'

/** The id of the guest agent's port, as `VSERPORT_CHANGE` names it. */
export const guestAgentPort = 'guest-agent-port'
export const guestAgentChardev = 'guest-agent'

/** A socket that QEMU listens on; it goes on without a peer. */
function addSocket(draft: Draft, id: string, path: string): void {
  draft.add('-chardev', `socket,${pairs({ id, path, server: 'on', wait: 'off' })}`)
}

/** Monitor, serial console, display and the guest agent's channel, all on unix sockets. */
export function addConsoles(draft: Draft, { vmi, paths }: QemuInput): { serial: boolean; graphics: boolean } {
  const { devices } = vmi.spec.domain
  const serial = devices.autoattachSerialConsole !== false
  const graphics = devices.autoattachGraphicsDevice !== false
  addSocket(draft, 'monitor', paths.qmp)
  draft.add('-mon', 'chardev=monitor,mode=control')
  if (serial) {
    addSocket(draft, 'serial0', paths.serial)
    draft.device('isa-serial', { id: 'serial0-port', chardev: 'serial0', index: 0 })
  }
  if (graphics) addDisplay(draft, devices.video?.type, paths.vnc)
  else draft.add('-display', 'none')
  draft.device('virtio-serial-pci', { id: 'channels', ...onRootBus(slots.virtioSerial) })
  addSocket(draft, guestAgentChardev, paths.guestAgent)
  draft.device('virtserialport', {
    id: guestAgentPort,
    bus: 'channels.0',
    nr: 1,
    chardev: guestAgentChardev,
    name: 'org.qemu.guest_agent.0',
  })
  return { serial, graphics }
}

const displays: Record<string, string> = { vga: 'VGA', bochs: 'bochs-display', virtio: 'virtio-vga', ramfb: 'ramfb' }

function addDisplay(draft: Draft, type: string | undefined, socket: string): void {
  const driver = displays[type || 'vga']
  if (driver === undefined) {
    const known = Object.keys(displays).join(', ')
    draft.refuse('spec.domain.devices.video.type', `${JSON.stringify(type)} is not available; use ${known}`)
    return
  }
  draft.device(driver, { id: 'display0', ...(driver === 'ramfb' ? {} : onRootBus(slots.display)) })
  // Never as a WebSocket: QEMU would listen on all addresses without asking who comes.
  // A second viewer joins the first, even one that asks to be alone.
  draft.add('-vnc', `unix:${socket},share=ignore`)
}
