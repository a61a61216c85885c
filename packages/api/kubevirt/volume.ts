import type { Static } from 'typebox'
import { ObjectFieldSelector, ResourceFieldSelector } from '../core/container.ts'
import { LocalObjectReference } from '../core/references.ts'
import { about, Empty, flag, int32, list, object, oneOf, optional, Quantity, text } from '../schema.ts'

/** What the guest configures itself with at its first boot; give text, base64 or a Secret for each. */
export const CloudInit = optional({
  userData: text,
  userDataBase64: text,
  secretRef: LocalObjectReference,
  networkData: text,
  networkDataBase64: text,
  networkDataSecretRef: LocalObjectReference,
})
export type CloudInit = Static<typeof CloudInit>

/** Another kind's object, made by its import. */
export const DataVolumeSource = object({ name: text }, { hotpluggable: flag })

/** A claim in the same namespace. */
export const ClaimSource = object({ claimName: text }, { hotpluggable: flag, readOnly: flag })

/** The medium of a drive; one source. */
export const Volume = object(
  { name: text },
  {
    persistentVolumeClaim: about(ClaimSource, 'A volume that lasts, by its claim in the same namespace.'),
    dataVolume: DataVolumeSource,
    cloudInitNoCloud: about(CloudInit, 'What the guest configures itself with at its first boot.'),
    cloudInitConfigDrive: CloudInit,
    containerDisk: object(
      { image: text },
      { imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'), imagePullSecret: text, path: text },
    ),
    emptyDisk: about(object({ capacity: Quantity }), 'An empty disk that goes with the run.'),
    ephemeral: optional({ persistentVolumeClaim: object({ claimName: text }, { readOnly: flag }) }),
    hostDisk: object({ path: text, type: text }, { capacity: Quantity, shared: flag }),
    containerPath: object({ path: text }, { readOnly: flag }),
    configMap: optional({ name: text, optional: flag, volumeLabel: text }),
    secret: optional({ secretName: text, optional: flag, volumeLabel: text }),
    serviceAccount: optional({ serviceAccountName: text }),
    sysprep: optional({ configMap: LocalObjectReference, secret: LocalObjectReference }),
    downwardAPI: optional({
      fields: list(
        object({ path: text }, { fieldRef: ObjectFieldSelector, resourceFieldRef: ResourceFieldSelector, mode: int32 }),
      ),
      volumeLabel: text,
    }),
    downwardMetrics: Empty,
    memoryDump: object({ claimName: text }, { hotpluggable: flag, readOnly: flag }),
  },
)
export type Volume = Static<typeof Volume>

/** The fields of a volume that say where it comes from. */
export const volumeSources = [
  'persistentVolumeClaim',
  'dataVolume',
  'cloudInitNoCloud',
  'cloudInitConfigDrive',
  'containerDisk',
  'emptyDisk',
  'ephemeral',
  'hostDisk',
  'containerPath',
  'configMap',
  'secret',
  'serviceAccount',
  'sysprep',
  'downwardAPI',
  'downwardMetrics',
  'memoryDump',
] as const satisfies (keyof Volume)[]
