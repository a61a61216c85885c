import { randomBytes } from 'node:crypto'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { cdDrives, ejectCdRom, insertCdRom } from '@thresher/api/kubevirt/cd-rom'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VolumeStatus } from '@thresher/api/kubevirt/volume-status'
import type { Client } from '@thresher/client/client'
import type { Command, Context, OptionValues } from '../command.ts'
import { UserError } from '../user-error.ts'
import { machineOperation, nameArgument, namespaceOption, textOf } from '../vm/operation.ts'
import { waitUntil } from '../vm/wait.ts'

const wait = { flags: '--wait', description: 'return once the guest has it, or has let go of it' }

/** `thresher vm add-disk`. */
export const vmAddDisk: Command = {
  path: ['vm', 'add-disk'],
  summary: 'Attach a volume, to a running machine at once',
  arguments: [nameArgument, { name: 'claim', description: 'the PersistentVolumeClaim of the volume' }],
  options: [
    namespaceOption,
    { flags: '--disk <name>', description: "the disk's name in the machine; the claim's unless said" },
    { flags: '--bus <bus>', description: 'how the guest sees it', default: 'scsi', choices: ['scsi', 'virtio'] },
    { flags: '--serial <serial>', description: "its serial number in the guest; the claim's name unless said" },
    wait,
  ],
  examples: ['thresher vm add-disk web data --wait'],
  async run(context, [name, claim], options) {
    const disk = (options['disk'] as string | undefined) ?? claim!
    const serial = options['serial'] as string | undefined
    await machineOperation(context, options, name!, 'addvolume', {
      name: disk,
      disk: { disk: { bus: textOf(options, 'bus') }, ...(serial === undefined ? {} : { serial }) },
      volumeSource: { persistentVolumeClaim: { claimName: claim } },
    })
    await report(context, options, name!, disk, 'attached', (status) => status?.phase === 'Ready')
  },
}

/** `thresher vm remove-disk`. */
export const vmRemoveDisk: Command = {
  path: ['vm', 'remove-disk'],
  summary: 'Detach a volume that was attached with add-disk; the volume stays',
  arguments: [nameArgument, { name: 'disk', description: "the disk's name in the machine" }],
  options: [namespaceOption, wait],
  async run(context, [name, disk], options) {
    await machineOperation(context, options, name!, 'removevolume', { name: disk })
    await report(context, options, name!, disk!, 'detached', (status) => status === undefined)
  },
}

/** `thresher vm insert-cd`. */
export const vmInsertCd: Command = {
  path: ['vm', 'insert-cd'],
  summary: 'Put an image into an empty CD-ROM drive',
  arguments: [nameArgument, { name: 'image', description: 'the image, as NAME or NAMESPACE/NAME' }],
  options: [
    namespaceOption,
    { flags: '--drive <name>', description: 'the drive; the only empty one unless said' },
    wait,
  ],
  async run(context, [name, image], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const machine = await client.resource(VirtualMachine).get(name!, namespace)
    const drive = driveOf(machine, options, ({ loaded }) => !loaded)
    const [first = '', second] = image!.split('/')
    const place = second === undefined ? { namespace, name: first } : { namespace: first, name: second }
    const { status } = await client.resource(VirtualMachineImage).get(place.name, place.namespace)
    const next = insertCdRom(machine, drive, { ...place, status }, randomBytes(3).toString('hex'))
    await client.resource(VirtualMachine).update(next)
    await report(context, options, name!, drive, 'loaded', (found) => found?.phase === 'Ready' && found.hotplugVolume)
  },
}

/** `thresher vm eject-cd`. */
export const vmEjectCd: Command = {
  path: ['vm', 'eject-cd'],
  summary: 'Empty a CD-ROM drive',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--drive <name>', description: 'the drive; the only loaded one unless said' },
    wait,
  ],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const machine = await client.resource(VirtualMachine).get(name!, namespace)
    const drive = driveOf(machine, options, ({ loaded }) => loaded)
    const { machine: next, claim } = ejectCdRom(machine, drive)
    await client.resource(VirtualMachine).update(next)
    if (claim) await client.resource(PersistentVolumeClaim).delete(claim, namespace)
    await report(context, options, name!, drive, 'empty', (found) => !found?.hotplugVolume)
  },
}

type Drive = ReturnType<typeof cdDrives>[number]

function driveOf(machine: VirtualMachine, options: OptionValues, is: (drive: Drive) => boolean): string {
  const named = options['drive'] as string | undefined
  if (named !== undefined) return named
  const [first, ...others] = cdDrives(machine).filter(is)
  if (first && others.length === 0) return first.name
  const { name } = machine.metadata
  throw new UserError(
    first
      ? `virtual machine ${name} has several such CD-ROM drives; name one with --drive`
      : `virtual machine ${name} has no such CD-ROM drive on SATA`,
  )
}

/** Say what was asked for, and with `--wait` when it is done. */
async function report(
  context: Context,
  options: OptionValues,
  name: string,
  disk: string,
  word: string,
  done: (status: VolumeStatus | undefined) => unknown,
): Promise<void> {
  const namespace = textOf(options, 'namespace')
  const client: Client = await context.client()
  if (options['wait'] !== true) return console.log(`virtual machine ${namespace}/${name}: ${disk} will be ${word}`)
  await waitUntil(
    client,
    VirtualMachineInstance,
    { namespace, name },
    // A machine that does not run has it at its next start.
    (one) => !one || Boolean(done(one.status?.volumeStatus?.find((status) => status.name === disk))),
    { timeoutMs: 120_000, what: `${disk} of virtual machine ${namespace}/${name} ${word}`, signal: context.signal },
  )
  console.log(`virtual machine ${namespace}/${name}: ${disk} is ${word}`)
}
