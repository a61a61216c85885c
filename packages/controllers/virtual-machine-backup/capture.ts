import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { ObjectMeta } from '@thresher/api/meta'
import { parseBytes } from '@thresher/api/quantity'
import type { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { freezeGuestAnnotation, snapshotGroupAnnotation, snapshotGroupSizeAnnotation } from '@thresher/api/names'
import { volumeNode } from '../persistent-volume/claim-home.ts'
import { claimNames } from '../virtual-machine/claims.ts'
import { machineSecrets } from './machine-secrets.ts'

type Status = NonNullable<VirtualMachineBackup['status']>
type VolumeBackup = NonNullable<Status['volumeBackups']>[number]

/** On a machine: `false` when its file systems need not stand still while it is taken. */
const freezeAnnotation = 'harvesterhci.io/snapshotFreezeFS'

/** Where what a machine consists of is looked up. */
export interface MachineLookup {
  claim(name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
}

/** The name of the snapshot of one of a machine's claims. @see Harvester `getVolumeBackupName` */
export function volumeBackupName(backup: string, claim: string): string {
  return `${backup}-volume-${claim}`
}

/**
 * A machine as it is declared now, with its volumes still to be taken. Pure.
 *
 * @throws {Error} in a sentence, when one of its volumes is not there
 */
export function captureMachine(name: string, machine: VirtualMachine, lookup: MachineLookup): Status {
  const volumeBackups = claimNames(machine.spec.template.spec).map((claimName): VolumeBackup => {
    const claim = lookup.claim(claimName)
    const volume = lookup.volume(claim?.spec.volumeName ?? '')
    if (!claim || !volume)
      throw new Error(
        `the volume ${claimName} of ${machine.metadata.name} is not there yet; start the machine once, or remove the volume`,
      )
    const { labels, annotations } = claim.metadata
    const { accessModes, volumeMode, storageClassName, resources } = claim.spec
    return {
      name: volumeBackupName(name, claimName),
      volumeName: volumeOf(machine, claimName),
      csiDriverName: volume.spec.csi?.driver,
      persistentVolumeClaim: {
        metadata: { name: claimName, namespace: claim.metadata.namespace, labels, annotations },
        spec: { accessModes, volumeMode, storageClassName, resources },
      },
      volumeSize: parseBytes(volume.spec.capacity?.['storage'] ?? '0'),
      readyToUse: false,
    }
  })
  const { labels, annotations, uid } = machine.metadata
  return {
    sourceUID: uid,
    source: {
      metadata: { name: machine.metadata.name, namespace: machine.metadata.namespace, labels, annotations },
      spec: machine.spec,
    },
    volumeBackups,
    secretBackups: machineSecrets(machine.spec.template.spec).map((secret) => ({ name: secret })),
    readyToUse: volumeBackups.length === 0,
    progress: 0,
  }
}

/** The name that a machine has for one of its claims. */
function volumeOf(machine: VirtualMachine, claimName: string): string | undefined {
  return machine.spec.template.spec.volumes?.find((volume) => claimNames({ volumes: [volume] }).includes(claimName))
    ?.name
}

/**
 * The snapshots of a captured machine's volumes: those on one node are taken at one instant. Pure.
 *
 * @param classOf the snapshot class of a driver, when one is set for machines
 */
export function machineSnapshots(
  backup: VirtualMachineBackup,
  lookup: MachineLookup,
  classOf: (driver: string) => string | undefined,
): VolumeSnapshot[] {
  const { name, namespace, uid } = backup.metadata
  const volumeBackups = backup.status?.volumeBackups ?? []
  const claimOf = (one: VolumeBackup): string =>
    (one.persistentVolumeClaim?.metadata as ObjectMeta | undefined)?.name ?? ''
  const nodeOf = (one: VolumeBackup): string => {
    const volume = lookup.volume(lookup.claim(claimOf(one))?.spec.volumeName ?? '')
    return (volume && volumeNode(volume)) ?? ''
  }
  const annotated = backup.status?.source?.metadata?.['annotations'] as Record<string, string> | undefined
  return volumeBackups.map((one) => {
    const node = nodeOf(one)
    const together = volumeBackups.filter((other) => nodeOf(other) === node).length
    const volumeSnapshotClassName = classOf(one.csiDriverName ?? '')
    return {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: {
        name: one.name,
        namespace,
        annotations: {
          [snapshotGroupAnnotation]: `${uid}-${node}`,
          [snapshotGroupSizeAnnotation]: String(together),
          ...(annotated?.[freezeAnnotation] === 'false' ? {} : { [freezeGuestAnnotation]: 'true' }),
        },
        ownerReferences: [
          {
            apiVersion: 'harvesterhci.io/v1beta1',
            kind: 'VirtualMachineBackup',
            name: name ?? '',
            uid: uid ?? '',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        source: { persistentVolumeClaimName: claimOf(one) },
        ...(volumeSnapshotClassName ? { volumeSnapshotClassName } : {}),
      },
    }
  })
}

/** How a backup fares, by its volumes' snapshots. Pure. */
export function followSnapshots(
  backup: VirtualMachineBackup,
  snapshotOf: (name: string) => VolumeSnapshot | undefined,
): Status {
  const volumeBackups = (backup.status?.volumeBackups ?? []).map((one): VolumeBackup => {
    const status = snapshotOf(one.name ?? '')?.status
    const { readyToUse = false, creationTime, restoreSize, error } = status ?? {}
    return {
      ...one,
      readyToUse,
      error,
      ...(creationTime ? { creationTime } : {}),
      ...(restoreSize ? { volumeSize: parseBytes(restoreSize) } : {}),
    }
  })
  const ready = volumeBackups.filter((one) => one.readyToUse)
  const failed = volumeBackups.find((one) => one.error?.message)
  return {
    ...backup.status,
    volumeBackups,
    readyToUse: ready.length === volumeBackups.length,
    progress: volumeBackups.length === 0 ? 100 : Math.floor((ready.length / volumeBackups.length) * 100),
    ...(ready[0]?.creationTime ? { creationTime: ready[0].creationTime } : {}),
    error: failed?.error && { ...failed.error, message: `${failed.volumeName}: ${failed.error.message}` },
  }
}
