import { PersistentVolumeClaimSpec } from '../core/persistent-volume-claim-spec.ts'
import { TypedLocalObjectReference, TypedObjectReference } from '../core/references.ts'
import { VolumeResourceRequirements } from '../core/resources.ts'
import { LabelSelector, ObjectMeta } from '../meta.ts'
import { Empty, flag, list, object, oneOf, optional, text, texts } from '../schema.ts'

/** Where the content of a data volume comes from; one of these. */
export const DataVolumeContent = optional({
  blank: Empty,
  upload: Empty,
  http: object({ url: text }, { secretRef: text, certConfigMap: text, extraHeaders: texts, secretExtraHeaders: texts }),
  s3: object({ url: text }, { secretRef: text, certConfigMap: text }),
  gcs: object({ url: text }, { secretRef: text }),
  registry: optional({
    url: text,
    imageStream: text,
    pullMethod: text,
    secretRef: text,
    certConfigMap: text,
    platform: optional({ architecture: text }),
  }),
  pvc: object({ namespace: text, name: text }),
  snapshot: object({ namespace: text, name: text }),
  imageio: object({ url: text, diskId: text }, { secretRef: text, certConfigMap: text, insecureSkipVerify: flag }),
  vddk: optional({
    url: text,
    uuid: text,
    backingFile: text,
    thumbprint: text,
    secretRef: text,
    initImageURL: text,
    extraArgs: text,
  }),
})

const storage = optional({
  accessModes: list(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod')),
  volumeMode: oneOf('Filesystem', 'Block', 'FromStorageProfile'),
  resources: VolumeResourceRequirements,
  storageClassName: text,
  selector: LabelSelector,
  volumeName: text,
  dataSource: TypedLocalObjectReference,
  dataSourceRef: TypedObjectReference,
})

/** A data volume to be made beside the virtual machine, and owned by it. */
export const DataVolumeTemplate = object(
  {
    spec: optional({
      source: DataVolumeContent,
      sourceRef: object({ kind: text, name: text }, { namespace: text }),
      pvc: PersistentVolumeClaimSpec,
      storage,
      contentType: text,
      preallocation: flag,
      priorityClassName: text,
      checkpoints: list(object({ current: text, previous: text })),
      finalCheckpoint: flag,
    }),
  },
  { apiVersion: text, kind: text, metadata: ObjectMeta, status: Empty },
)
