import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, int32, int64, list, object, oneOf, optional, text, texts, time } from '../schema.ts'
import { Conditions } from './condition.ts'

const details = object(
  {
    deviceType: oneOf('disk', 'part'),
    driveType: oneOf('HDD', 'FDD', 'ODD', 'SSD', 'Unknown'),
    storageController: oneOf('SCSI', 'IDE', 'virtio', 'MMC', 'NVMe', 'Unknown'),
  },
  {
    busPath: text,
    isRemovable: flag,
    label: text,
    model: text,
    numaNodeID: int32,
    partUUID: text,
    ptUUID: text,
    serialNumber: text,
    uuid: text,
    vendor: text,
    wwn: text,
  },
)

/** A disk of a host, and whether volumes may be kept on it. Sizes are bytes. */
export const BlockDevice = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'BlockDevice',
  description: 'A disk of a host, and whether volumes may be kept on it. Sizes are bytes.',
  plural: 'blockdevices',
  shortNames: ['bd', 'bds'],
  namespaced: true,
  spec: object(
    {
      nodeName: text,
      devPath: text,
      fileSystem: object({ mountPoint: text }, { forceFormatted: flag, provisioned: flag, repaired: flag }),
    },
    {
      provision: flag,
      provisioner: optional({
        longhorn: object(
          { engineVersion: oneOf('LonghornV1', 'LonghornV2') },
          { diskDriver: oneOf('', 'auto', 'aio') },
        ),
        lvm: object({ vgName: text }, { parameters: list(text) }),
      }),
      tags: texts,
    },
  ),
  status: object(
    {
      state: oneOf('Active', 'Inactive', 'Unknown'),
      provisionPhase: oneOf('Provisioned', 'Unprovisioning', 'Unprovisioned'),
    },
    {
      deviceStatus: object(
        {
          capacity: object({ sizeBytes: int64, physicalBlockSizeBytes: int64 }),
          details,
          devPath: text,
          fileSystem: object(
            { mountPoint: text, type: text },
            { LastFormattedAt: time, corrupted: flag, isReadOnly: flag },
          ),
          partitioned: flag,
        },
        { parentDevice: text },
      ),
      tags: texts,
      conditions: Conditions,
    },
  ),
  columns: [
    column('Type', '.status.deviceStatus.details.deviceType'),
    column('DevPath', '.status.deviceStatus.devPath'),
    column('MountPoint', '.status.deviceStatus.fileSystem.mountPoint'),
    column('NodeName', '.spec.nodeName'),
    column('ProvisionPhase', '.status.provisionPhase'),
    age,
  ],
  check: ({ spec }): FieldError[] =>
    spec.provisioner?.longhorn && spec.provisioner.lvm
      ? [{ field: 'spec.provisioner', message: 'Blockdevice should not have multiple provisioners; keep one' }]
      : [],
})
export type BlockDevice = ObjectOf<typeof BlockDevice>
