import { flag, having, int32, list, object, optional, text, texts } from '../schema.ts'

/** Sources that a pod's volume and a PersistentVolume name in the same form. */
export const localSources = {
  hostPath: object({ path: text }, { type: having(text, { default: '' }) }),
  nfs: object({ server: text, path: text }, { readOnly: flag }),
  fc: optional({ targetWWNs: texts, lun: int32, fsType: text, readOnly: flag, wwids: list(text) }),
  quobyte: object({ registry: text, volume: text }, { readOnly: flag, user: text, group: text, tenant: text }),
  flocker: optional({ datasetName: text, datasetUUID: text }),
  gcePersistentDisk: object({ pdName: text }, { fsType: text, partition: int32, readOnly: flag }),
  awsElasticBlockStore: object({ volumeID: text }, { fsType: text, partition: int32, readOnly: flag }),
  azureDisk: object(
    { diskName: text, diskURI: text },
    {
      cachingMode: having(text, { default: 'ReadWrite' }),
      fsType: having(text, { default: 'ext4' }),
      readOnly: having(flag, { default: false }),
      kind: having(text, { default: 'Shared' }),
    },
  ),
  vsphereVolume: object({ volumePath: text }, { fsType: text, storagePolicyName: text, storagePolicyID: text }),
  photonPersistentDisk: object({ pdID: text }, { fsType: text }),
  portworxVolume: object({ volumeID: text }, { fsType: text, readOnly: flag }),
}
