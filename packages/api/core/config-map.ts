import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { base64, flag, labels, mapTo } from '../schema.ts'
import { checkData, checkImmutable } from './data-keys.ts'

/** Small data that is not confidential. */
export const ConfigMap = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  description: 'Small data that is not confidential.',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  fields: {
    data: Type.Optional(labels),
    binaryData: Type.Optional(mapTo(base64)),
    immutable: Type.Optional(flag),
  },
  columns: [
    {
      name: 'Data',
      type: 'integer',
      path: (map) => Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    },
    age,
  ],
  check: (map) => checkData({ data: map.data, binaryData: map.binaryData }, 'binaryData'),
  checkUpdate: (next, previous) => checkImmutable(next, previous, ['data', 'binaryData']),
})
export type ConfigMap = ObjectOf<typeof ConfigMap>
