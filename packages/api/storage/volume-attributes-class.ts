import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { labels, text } from '../schema.ts'
import { same } from '../same.ts'

/** Properties of a volume that can change while it lives. */
export const VolumeAttributesClass = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  description: 'Properties of a volume that can change while it lives.',
  plural: 'volumeattributesclasses',
  singular: 'volumeattributesclass',
  shortNames: ['vac'],
  namespaced: false,
  fields: { driverName: text, parameters: Type.Optional(labels) },
  columns: [column('DriverName', '.driverName'), age],
  checkUpdate: (next, previous) =>
    next.driverName === previous.driverName && same(next.parameters, previous.parameters)
      ? []
      : [{ field: 'parameters', message: 'cannot change; make another class', reason: 'FieldValueForbidden' }],
})
export type VolumeAttributesClass = ObjectOf<typeof VolumeAttributesClass>
