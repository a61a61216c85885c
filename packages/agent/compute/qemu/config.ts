import { vmOverheadBytes } from '@thresher/api/kubevirt/vm-overhead'
import { addConsoles } from './consoles.ts'
import { addCpu } from './cpu.ts'
import { addSmallDevices } from './devices.ts'
import { addDisks, hasUsbDisk, virtioPorts } from './disks.ts'
import { Draft, UnsupportedSpecError } from './draft.ts'
import { addFirmware } from './firmware.ts'
import type { QemuConfig, QemuInput } from './input.ts'
import { addInterfaces, portedNics } from './interfaces.ts'
import { addMachine } from './machine.ts'
import { addRootPorts } from './pci.ts'

/**
 * The guest stays when it shuts down, panics or its watchdog fires, until the agent has read why and ends QEMU. So an agent
 * that was away at that moment still learns how the run ended. By its reboot policy a guest that restarts itself ends its run.
 */
function actions(rebootPolicy: string | undefined): string[] {
  return ['-action', `reboot=${rebootPolicy === 'Terminate' ? 'shutdown' : 'reset'},shutdown=pause,panic=pause`]
}

/** @see QEMU's `-sandbox`: what an escaped guest still could not do */
const sandbox = ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny']

/**
 * How to run a VMI on this host. Pure: the same input gives the same command line.
 *
 * QEMU starts with the guest stopped (`-S`): the agent connects its consoles first, then lets it run.
 *
 * @throws {UnsupportedSpecError} naming every field that cannot be carried out
 */
export function qemuConfig(input: QemuInput): QemuConfig {
  const { vmi, paths } = input
  const draft = new Draft()
  draft.add('-name', `guest=${vmi.metadata.namespace}/${vmi.metadata.name},debug-threads=on`)
  draft.add('-nodefaults', '-no-user-config', '-S', '-pidfile', paths.pidFile, ...sandbox)
  draft.add(...actions(vmi.spec.domain.rebootPolicy))
  const machine = addMachine(draft, input)
  const cpus = addCpu(draft, input)
  const nvramTemplate = addFirmware(draft, input)
  addRootPorts(draft, portedNics(input), virtioPorts(input), !vmi.spec.domain.devices.disableHotplug)
  const consoles = addConsoles(draft, input)
  const balloon = addSmallDevices(draft, input, hasUsbDisk(input))
  const disks = addDisks(draft, input)
  const nics = addInterfaces(draft, input)
  if (draft.errors.length > 0) throw new UnsupportedSpecError(draft.errors)
  return {
    args: draft.args,
    ...machine,
    cpus,
    overheadBytes: vmOverheadBytes(vmi.spec.domain, machine.guestBytes, input.host.accelerator === 'tcg'),
    disks,
    nics,
    files: draft.files,
    ...(nvramTemplate ? { nvramTemplate } : {}),
    features: {
      ...consoles,
      balloon,
      secureBoot: vmi.spec.domain.firmware?.bootloader?.efi?.secureBoot ?? false,
    },
  }
}
