import { age, column } from '../columns.ts'
import { PersistentVolumeSpec } from '../core/persistent-volume.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, int32, labels, object, optional, text, time } from '../schema.ts'
import { same } from '../same.ts'

const failure = optional({ time, message: text, errorCode: int32 })

/** A volume that is, or is to be, attached to a node. */
export const VolumeAttachment = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  description: 'A volume that is, or is to be, attached to a node.',
  plural: 'volumeattachments',
  namespaced: false,
  spec: object({
    attacher: text,
    nodeName: text,
    source: optional({ persistentVolumeName: text, inlineVolumeSpec: PersistentVolumeSpec }),
  }),
  status: object({ attached: flag }, { attachmentMetadata: labels, attachError: failure, detachError: failure }),
  columns: [
    column('Attacher', '.spec.attacher'),
    column('PV', '.spec.source.persistentVolumeName'),
    column('Node', '.spec.nodeName'),
    { name: 'Attached', path: ({ status }) => String(status?.attached ?? false) },
    age,
  ],
  checkUpdate: (next, previous) =>
    same(next.spec, previous.spec)
      ? []
      : [{ field: 'spec', message: 'field is immutable; make another VolumeAttachment' }],
})
export type VolumeAttachment = ObjectOf<typeof VolumeAttachment>
