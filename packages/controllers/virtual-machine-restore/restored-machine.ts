import { manifestOf, type VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import type { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { reservedMemoryAnnotation } from '@thresher/api/kubevirt/guest-memory'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { ObjectMeta } from '@thresher/api/meta'
import { restoreFromAnnotation } from '@thresher/api/names'
import { formatBytes } from '@thresher/api/quantity'
import { renameSecrets } from '../virtual-machine-backup/machine-secrets.ts'

type Restores = NonNullable<NonNullable<VirtualMachineRestore['status']>['restores']>

/** On what a restore has made: its name. */
export const restoreAnnotation = 'restore.harvesterhci.io/name'

/** The claims that a restore makes, one for each volume of the backup. Pure. @see Harvester `getRestorePVCName` */
export function restoredClaims(restore: VirtualMachineRestore, backup: VirtualMachineBackup): Restores {
  const { name, uid } = restore.metadata
  return (backup.status?.volumeBackups ?? []).map(
    ({ name: snapshot = '', volumeName, volumeSize, persistentVolumeClaim }) => {
      const { labels, annotations } = (persistentVolumeClaim?.metadata ?? {}) as {
        labels?: object
        annotations?: object
      }
      const source = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot }
      const manifest = backup.spec.type === 'backup' ? manifestOf(backup) : undefined
      return {
        volumeName,
        volumeBackupName: snapshot,
        volumeSize,
        progress: 0,
        persistentVolumeClaimSpec: {
          metadata: {
            name: `restore-${restore.spec.virtualMachineBackupName}-${uid}-${volumeName}`,
            labels,
            annotations: {
              ...annotations,
              [restoreAnnotation]: name,
              ...(manifest ? { [restoreFromAnnotation]: `${manifest}/${volumeName}` } : {}),
            },
          },
          spec: {
            ...persistentVolumeClaim?.spec,
            // The volume may have grown since it was asked for.
            resources: { requests: { storage: formatBytes(volumeSize ?? 0) } },
            ...(manifest ? {} : { dataSource: source, dataSourceRef: source }),
          },
        },
      }
    },
  )
}

/** The name of a claim that a restore makes. */
export function claimNameOf({ persistentVolumeClaimSpec }: Restores[number]): string {
  return (persistentVolumeClaimSpec?.metadata as ObjectMeta | undefined)?.name ?? ''
}

/**
 * What a machine is to be after its restore: as it was declared at the backup, with volumes made from the snapshots. A new one gets
 * addresses and an identity of its own. Pure.
 *
 * @param secrets new names of Secrets, by their old ones
 */
export function restoredMachine(
  restore: VirtualMachineRestore,
  backup: VirtualMachineBackup,
  secrets: ReadonlyMap<string, string> = new Map(),
): VirtualMachine {
  const { newVM, keepMacAddress, target } = restore.spec
  const restores = restore.status?.restores ?? []
  const claims = new Map(restores.map((one) => [one.volumeName, claimNameOf(one)]))
  const spec = structuredClone(backup.status?.source?.spec ?? ({} as VirtualMachine['spec']))
  const template = spec.template.spec
  for (const volume of template.volumes ?? []) {
    const claimName = claims.get(volume.name)
    if (claimName === undefined) continue
    if (volume.dataVolume) volume.dataVolume.name = claimName
    else if (volume.persistentVolumeClaim) volume.persistentVolumeClaim.claimName = claimName
  }
  // They would be made anew beside the volumes that take their place.
  delete spec.dataVolumeTemplates
  delete spec.running
  if (newVM) {
    if (!keepMacAddress) for (const card of template.domain.devices.interfaces ?? []) delete card.macAddress
    delete template.domain.firmware?.uuid
    template.hostname = target.name
  }
  const before = backup.status?.source?.metadata?.['annotations'] as Record<string, string> | undefined
  const reserved = before?.[reservedMemoryAnnotation]
  const templates = restores.map(({ persistentVolumeClaimSpec }) => persistentVolumeClaimSpec)
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name: target.name,
      namespace: restore.metadata.namespace,
      annotations: {
        [claimTemplatesAnnotation]: JSON.stringify(templates),
        [restoreAnnotation]: restore.metadata.name ?? '',
        ...(reserved ? { [reservedMemoryAnnotation]: reserved } : {}),
      },
    },
    // Off until all its volumes are there.
    spec: {
      ...spec,
      runStrategy: 'Halted',
      template: { ...spec.template, spec: renameSecrets(template, secrets) },
    },
  }
}

/** How the machine runs once it is whole: as it did when it was taken, off if it is to stay off. Pure. */
export function runStrategyAfter({ spec }: VirtualMachineRestore, backup: VirtualMachineBackup): string {
  const source = backup.status?.source?.spec
  if (spec.haltAfterRestore) return 'Halted'
  const before =
    source?.runStrategy ?? (source?.running === undefined ? undefined : source.running ? 'Always' : 'Halted')
  return before === undefined || before === 'Halted' ? 'RerunOnFailure' : before
}
