import type { VolumeStatus } from '@thresher/api/kubevirt/volume-status'
import { formatBytes } from '@thresher/api/quantity'
import type { InstanceReportInput } from './instance-report.ts'

/** How each volume of a running guest fares, those that are coming or going included. Pure. */
export function volumeStatuses(input: Pick<InstanceReportInput, 'vmi' | 'view' | 'claims' | 'pod'>): VolumeStatus[] {
  const { config, drives } = input.view
  const disks = config?.disks ?? []
  const coming = [...(drives ?? [])].filter(([name]) => !disks.some((disk) => disk.name === name))
  return [
    ...disks.map(({ name, target, hot }) => volumeStatus(input, name, target, hot ?? false)),
    ...coming.map(([name]) => volumeStatus(input, name, '', true)),
  ]
}

function volumeStatus(
  { vmi, view, claims, pod }: Pick<InstanceReportInput, 'vmi' | 'view' | 'claims' | 'pod'>,
  name: string,
  target: string,
  hot: boolean,
): VolumeStatus {
  const state = view.drives?.get(name)
  // A volume on its way out is in no spec any more, but its claim is still in use.
  const before = vmi.status?.volumeStatus?.find((one) => one.name === name)?.persistentVolumeClaimInfo
  const claim = claims.get(name) ?? (state && before?.claimName ? { name: before.claimName } : undefined)
  const size = claims.get(name)?.bytes
  return {
    name,
    target,
    ...(claim || state ? { phase: 'Ready' } : {}),
    ...state,
    ...(claim
      ? {
          ...(size === undefined ? {} : { size }),
          persistentVolumeClaimInfo: {
            claimName: claim.name,
            ...(size === undefined ? {} : { capacity: { storage: formatBytes(size) } }),
          },
        }
      : {}),
    ...(hot || state ? { hotplugVolume: { attachPodName: pod.name, attachPodUID: pod.uid } } : {}),
  }
}
