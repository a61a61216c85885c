import { addDisk, diskLetters, refuseUnsupported, withCache, type DiskInput } from './disks.ts'
import { Draft, UnsupportedSpecError, type Options } from './draft.ts'
import type { BlockdevOptions, PlacedDisk } from './input.ts'

/** A drive for a guest that runs: what QEMU is to be given, in this order. */
export interface HotDrive {
  objects: (Options & { 'qom-type': string })[]
  blockdevs: BlockdevOptions[]
  device: Options & { driver: string }
  placed: PlacedDisk
}

/**
 * One drive of a spec, as on the command line but for its place in the boot order, which counts at the next start. Pure.
 *
 * @throws {UnsupportedSpecError} naming every field that cannot be carried out
 */
export function hotDrive(input: DiskInput, name: string): HotDrive {
  const draft = new Draft()
  const disks = input.vmi.spec.domain.devices.disks ?? []
  const index = disks.findIndex((disk) => disk.name === name)
  const [disk, volume] = [disks[index], input.volumes.get(name)]
  if (!disk || !volume) throw new Error(`there is no disk ${name} with a volume`)
  const at = `spec.domain.devices.disks[${index}]`
  refuseUnsupported(draft, disk, at)
  const placed = addDisk(draft, input, disk, volume, at, undefined, { cdrom: 0, letters: { sd: 0 } })
  const [device] = draft.devices
  if (draft.errors.length > 0 || !device) throw new UnsupportedSpecError(draft.errors)
  const blockdevs = volume.blockdevs.map((node) => withCache(node, disk))
  return { objects: draft.objects, blockdevs, device, placed }
}

/** The name that Linux gives the next drive of a kind: the first letter that is free. */
export function nextTarget(target: string, taken: readonly string[]): string {
  const prefix = target.slice(0, 2)
  for (let index = 0; ; index++) {
    const name = prefix + diskLetters(index)
    if (!taken.includes(name)) return name
  }
}
