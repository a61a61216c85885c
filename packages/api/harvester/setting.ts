import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'
import { settingNamed } from './settings/table.ts'

/** One setting of the cluster. Its value counts, or its default where the value is empty. */
export const Setting = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'Setting',
  description: 'One setting of the cluster. Its value counts, or its default where the value is empty.',
  plural: 'settings',
  namespaced: false,
  fields: {
    value: Type.Optional(text),
    default: Type.Optional(text),
    customized: Type.Optional(flag),
    source: Type.Optional(text),
  },
  status: optional({ conditions: Conditions }),
  columns: [column('Value', '.value'), age],
  // As Harvester's own server answers: an empty value is not there.
  fillDefaults(setting) {
    if (setting.value === '') delete setting.value
  },
  check(setting) {
    const declared = settingNamed(setting.metadata.name ?? '')
    const value = setting.value ?? ''
    if (!declared?.check || value === '') return []
    return declared.check(value).map((message) => ({ field: 'value', message }))
  },
})
export type Setting = ObjectOf<typeof Setting>
