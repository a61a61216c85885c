import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { selectedNodeAnnotation, waitsForMachineAnnotation } from '@thresher/api/names'
import type { StorageClass } from '@thresher/api/storage/storage-class'

/** As provisioners look for it, and older ones of them. @see https://kubernetes.io/docs/reference/labels-annotations-taints/ */
const provisionerAnnotations = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
]

/**
 * Whether a claim's volume is made only when its first pod has a node: because its class says so, or because it was made for a
 * machine, all of whose volumes have to lie where the machine is put.
 */
export function waitsForConsumer({ metadata }: PersistentVolumeClaim, { volumeBindingMode }: StorageClass): boolean {
  return volumeBindingMode === 'WaitForFirstConsumer' || metadata.annotations?.[waitsForMachineAnnotation] === 'true'
}

/** The annotations of a claim that say who makes its volume, and where. */
export function provisioning({ provisioner }: StorageClass, node?: string): Record<string, string> {
  return {
    ...Object.fromEntries(provisionerAnnotations.map((name) => [name, provisioner])),
    ...(node ? { [selectedNodeAnnotation]: node } : {}),
  }
}

/** Whether it is said already who makes a claim's volume. */
export function namesProvisioner({ metadata }: PersistentVolumeClaim): boolean {
  return provisionerAnnotations.every((name) => metadata.annotations?.[name] !== undefined)
}
