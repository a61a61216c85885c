import { age, column, wide } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, having, int32, labels, object, oneOf, optional, ResourceList, text, texts, time } from '../schema.ts'
import { NodeSelector } from './affinity.ts'
import { AccessModes } from './persistent-volume-claim-spec.ts'
import { ObjectReference, SecretReference } from './references.ts'
import { localSources } from './volume-sources.ts'
import { same } from '../same.ts'

const sources = {
  ...localSources,
  local: object({ path: text }, { fsType: text }),
  csi: object(
    { driver: text, volumeHandle: text },
    {
      readOnly: flag,
      fsType: text,
      volumeAttributes: labels,
      controllerPublishSecretRef: SecretReference,
      nodeStageSecretRef: SecretReference,
      nodePublishSecretRef: SecretReference,
      controllerExpandSecretRef: SecretReference,
      nodeExpandSecretRef: SecretReference,
    },
  ),
  iscsi: object(
    { targetPortal: text, iqn: text, lun: int32 },
    {
      iscsiInterface: having(text, { default: 'default' }),
      fsType: text,
      readOnly: flag,
      portals: texts,
      chapAuthDiscovery: flag,
      chapAuthSession: flag,
      secretRef: SecretReference,
      initiatorName: text,
    },
  ),
  rbd: object(
    { monitors: texts, image: text },
    {
      fsType: text,
      pool: having(text, { default: 'rbd' }),
      user: having(text, { default: 'admin' }),
      keyring: having(text, { default: '/etc/ceph/keyring' }),
      secretRef: SecretReference,
      readOnly: flag,
    },
  ),
  cephfs: object(
    { monitors: texts },
    { path: text, user: text, secretFile: text, secretRef: SecretReference, readOnly: flag },
  ),
  cinder: object({ volumeID: text }, { fsType: text, readOnly: flag, secretRef: SecretReference }),
  glusterfs: object({ endpoints: text, path: text }, { readOnly: flag, endpointsNamespace: text }),
  flexVolume: object({ driver: text }, { fsType: text, secretRef: SecretReference, readOnly: flag, options: labels }),
  azureFile: object({ secretName: text, shareName: text }, { readOnly: flag, secretNamespace: text }),
  scaleIO: object(
    { gateway: text, system: text, secretRef: SecretReference },
    {
      sslEnabled: flag,
      protectionDomain: text,
      storagePool: text,
      storageMode: text,
      volumeName: text,
      fsType: text,
      readOnly: flag,
    },
  ),
  storageos: optional({
    volumeName: text,
    volumeNamespace: text,
    fsType: text,
    readOnly: flag,
    secretRef: ObjectReference,
  }),
}

/** A volume's specification; StorageClass drivers and VolumeAttachments carry it too. */
export const PersistentVolumeSpec = optional({
  ...sources,
  capacity: ResourceList,
  accessModes: AccessModes,
  claimRef: having(ObjectReference, { 'x-kubernetes-map-type': 'granular' }),
  persistentVolumeReclaimPolicy: having(oneOf('Retain', 'Delete', 'Recycle'), { default: 'Retain' }),
  storageClassName: text,
  mountOptions: texts,
  volumeMode: having(oneOf('Filesystem', 'Block'), { default: 'Filesystem' }),
  nodeAffinity: optional({ required: NodeSelector }),
  volumeAttributesClassName: text,
})

/** A piece of storage that exists. */
export const PersistentVolume = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  description: 'A piece of storage that exists.',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  spec: PersistentVolumeSpec,
  status: optional({ phase: text, message: text, reason: text, lastPhaseTransitionTime: time }),
  columns: [
    column('Capacity', '.spec.capacity.storage'),
    { name: 'Access Modes', path: (volume) => shortAccessModes(volume.spec.accessModes) },
    column('Reclaim Policy', '.spec.persistentVolumeReclaimPolicy'),
    {
      name: 'Status',
      path: (volume) => (volume.metadata.deletionTimestamp ? 'Terminating' : volume.status?.phase),
    },
    {
      name: 'Claim',
      path: ({ spec }) => (spec.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : ''),
    },
    column('StorageClass', '.spec.storageClassName'),
    { name: 'VolumeAttributesClass', path: (volume) => volume.spec.volumeAttributesClassName ?? '<unset>' },
    column('Reason', '.status.reason'),
    age,
    wide('VolumeMode', '.spec.volumeMode'),
  ],
  fillDefaults(volume) {
    if (!volume.status?.phase) volume.status = { ...volume.status, phase: 'Pending' }
  },
  check(volume) {
    const given = Object.keys(sources).filter((name) => volume.spec[name as keyof typeof sources] !== undefined)
    const errors: FieldError[] = []
    if (given.length !== 1)
      errors.push({
        field: 'spec',
        message: `give exactly one source of the volume, such as csi or hostPath; there are ${given.length}`,
        reason: 'FieldValueRequired',
      })
    if (!volume.spec.capacity?.storage)
      errors.push({
        field: 'spec.capacity',
        message: 'give the size as capacity.storage',
        reason: 'FieldValueRequired',
      })
    if (!volume.spec.accessModes?.length)
      errors.push({ field: 'spec.accessModes', message: 'give at least one access mode', reason: 'FieldValueRequired' })
    return errors
  },
  checkUpdate(next, previous) {
    return Object.keys(sources)
      .filter((name) => {
        const source = name as keyof typeof sources
        return !same(next.spec[source], previous.spec[source])
      })
      .map((name) => ({
        field: `spec.${name}`,
        message: 'the source of a volume cannot change; make another PersistentVolume',
        reason: 'FieldValueForbidden',
      }))
  },
})
export type PersistentVolume = ObjectOf<typeof PersistentVolume>

const shortForms: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}

/** Access modes as kubectl abbreviates them: `RWO,ROX`. */
export function shortAccessModes(modes: string[] | undefined): string {
  return Object.keys(shortForms)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => shortForms[mode])
    .join(',')
}
