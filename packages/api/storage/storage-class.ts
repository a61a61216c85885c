import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import type { KubeObject } from '../meta.ts'
import { flag, having, labels, list, object, oneOf, optional, text, texts } from '../schema.ts'
import { same } from '../same.ts'

const isDefault = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']

/** A kind of storage, and the driver that makes volumes of it. */
export const StorageClass = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  description: 'A kind of storage, and the driver that makes volumes of it.',
  plural: 'storageclasses',
  singular: 'storageclass',
  shortNames: ['sc'],
  namespaced: false,
  fields: {
    provisioner: text,
    parameters: Type.Optional(labels),
    reclaimPolicy: Type.Optional(having(oneOf('Delete', 'Retain', 'Recycle'), { default: 'Delete' })),
    mountOptions: Type.Optional(texts),
    allowVolumeExpansion: Type.Optional(flag),
    volumeBindingMode: Type.Optional(having(oneOf('Immediate', 'WaitForFirstConsumer'), { default: 'Immediate' })),
    allowedTopologies: Type.Optional(
      list(optional({ matchLabelExpressions: list(object({ key: text, values: texts })) })),
    ),
  },
  columns: [
    {
      name: 'Name',
      format: 'name',
      path: (storageClass) => `${storageClass.metadata.name}${isDefaultClass(storageClass) ? ' (default)' : ''}`,
    },
    column('Provisioner', '.provisioner'),
    column('ReclaimPolicy', '.reclaimPolicy'),
    column('VolumeBindingMode', '.volumeBindingMode'),
    { name: 'AllowVolumeExpansion', path: (storageClass) => String(storageClass.allowVolumeExpansion ?? false) },
    age,
  ],
  check: (storageClass) =>
    storageClass.provisioner
      ? []
      : [{ field: 'provisioner', message: 'name the driver that makes the volumes', reason: 'FieldValueRequired' }],
  checkUpdate: (next, previous) =>
    (['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'] as const)
      .filter((field) => !same(next[field], previous[field]))
      .map((field) => ({
        field,
        message: 'cannot change; make another StorageClass',
        reason: 'FieldValueForbidden',
      })),
})
export type StorageClass = ObjectOf<typeof StorageClass>

/** Whether claims that name no class get this one. */
export function isDefaultClass(storageClass: KubeObject): boolean {
  return isDefault.some((annotation) => storageClass.metadata.annotations?.[annotation] === 'true')
}
