import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import { claimNameOf, isHotpluggable } from '@thresher/api/kubevirt/hot-plug'
import { volumeNode } from '../prepare.ts'
import { isReadOnly, isShared, resolveClaim, type ResolveInput } from '../resolve.ts'
import type { WantedDrives } from './hot-drives.ts'
import type { WantedDrive } from './plan-drives.ts'

/** The drives of an instance whose volumes may come and go while its guest runs, as far as their volumes are there. Pure. */
export function wantedDrives(input: Pick<ResolveInput, 'vmi' | 'claim' | 'volume'>): WantedDrives {
  const { vmi } = input
  const places = placeDevices(readPlaces(vmi.metadata.annotations), vmi.spec)
  const disks = vmi.spec.domain.devices.disks ?? []
  const drives = (vmi.spec.volumes ?? []).flatMap((volume): WantedDrive[] => {
    const disk = disks.find(({ name }) => name === volume.name)
    const claimName = claimNameOf(volume)
    if (!disk || claimName === undefined || !isHotpluggable(volume)) return []
    const { name } = volume
    const found = resolveClaim(input, claimName)
    return [
      {
        name,
        device: `disk-${name}`,
        node: volumeNode({ places }, name),
        cdrom: disk.cdrom !== undefined,
        ...(typeof found === 'string'
          ? { waitsFor: found }
          : {
              volume: { name, id: found.id, readOnly: isReadOnly(vmi, volume), shared: isShared(vmi, volume) },
            }),
      },
    ]
  })
  return { vmi, places, drives }
}
