import type { Static } from 'typebox'
import { LabelSelector, ObjectMeta } from '../meta.ts'
import { flag, having, int32, int64, labels, list, object, optional, Quantity, text, texts } from '../schema.ts'
import { ObjectFieldSelector, ResourceFieldSelector } from './container.ts'
import { PersistentVolumeClaimSpec } from './persistent-volume-claim-spec.ts'
import { LocalObjectReference } from './references.ts'
import { localSources } from './volume-sources.ts'

const defaultMode = having(int32, { default: 0o644 })
const keyToPath = list(object({ key: text, path: text }, { mode: int32 }))
const downwardItems = list(
  object({ path: text }, { fieldRef: ObjectFieldSelector, resourceFieldRef: ResourceFieldSelector, mode: int32 }),
)

const projection = optional({
  secret: optional({ name: text, items: keyToPath, optional: flag }),
  configMap: optional({ name: text, items: keyToPath, optional: flag }),
  downwardAPI: optional({ items: downwardItems }),
  serviceAccountToken: object({ path: text }, { audience: text, expirationSeconds: having(int64, { default: 3600 }) }),
  clusterTrustBundle: object(
    { path: text },
    { name: text, signerName: text, labelSelector: LabelSelector, optional: flag },
  ),
  podCertificate: object(
    { signerName: text, keyType: text },
    {
      maxExpirationSeconds: int32,
      credentialBundlePath: text,
      keyPath: text,
      certificateChainPath: text,
      userAnnotations: labels,
    },
  ),
})

/** What a pod's containers can mount, by the name of the volume. */
export const Volume = object(
  { name: text },
  {
    ...localSources,
    emptyDir: optional({ medium: text, sizeLimit: Quantity }),
    gitRepo: object({ repository: text }, { revision: text, directory: text }),
    secret: optional({ secretName: text, items: keyToPath, defaultMode, optional: flag }),
    configMap: optional({ name: text, items: keyToPath, defaultMode, optional: flag }),
    downwardAPI: optional({ items: downwardItems, defaultMode }),
    projected: optional({ sources: list(projection), defaultMode }),
    persistentVolumeClaim: object({ claimName: text }, { readOnly: flag }),
    ephemeral: optional({
      volumeClaimTemplate: object({ spec: PersistentVolumeClaimSpec }, { metadata: ObjectMeta }),
    }),
    csi: object(
      { driver: text },
      {
        readOnly: flag,
        fsType: text,
        volumeAttributes: labels,
        nodePublishSecretRef: LocalObjectReference,
      },
    ),
    image: optional({ reference: text, pullPolicy: text }),
    cephfs: object(
      { monitors: texts },
      { path: text, user: text, secretFile: text, secretRef: LocalObjectReference, readOnly: flag },
    ),
    cinder: object({ volumeID: text }, { fsType: text, readOnly: flag, secretRef: LocalObjectReference }),
    flexVolume: object(
      { driver: text },
      { fsType: text, secretRef: LocalObjectReference, readOnly: flag, options: labels },
    ),
    glusterfs: object({ endpoints: text, path: text }, { readOnly: flag }),
    iscsi: object(
      { targetPortal: text, iqn: text, lun: int32 },
      {
        iscsiInterface: having(text, { default: 'default' }),
        fsType: text,
        readOnly: flag,
        portals: texts,
        chapAuthDiscovery: flag,
        chapAuthSession: flag,
        secretRef: LocalObjectReference,
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
        secretRef: LocalObjectReference,
        readOnly: flag,
      },
    ),
    azureFile: object({ secretName: text, shareName: text }, { readOnly: flag }),
    scaleIO: object(
      { gateway: text, system: text, secretRef: LocalObjectReference },
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
      secretRef: LocalObjectReference,
    }),
  },
)
export type Volume = Static<typeof Volume>
