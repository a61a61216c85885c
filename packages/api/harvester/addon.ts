import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, object, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** A part of the product that can be switched on. */
export const Addon = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'Addon',
  description: 'A part of the product that can be switched on.',
  plural: 'addons',
  namespaced: true,
  spec: object({ repo: text, chart: text, version: text, enabled: flag, valuesContent: text }),
  status: optional({ status: text, conditions: Conditions }),
  columns: [
    column('HelmRepo', '.spec.repo'),
    column('ChartName', '.spec.chart'),
    column('Enabled', '.spec.enabled', 'boolean'),
  ],
  checkUpdate: (next, previous) =>
    next.spec.chart === previous.spec.chart
      ? []
      : [{ field: 'spec.chart', message: 'chart field cannot be changed.', reason: 'FieldValueForbidden' }],
})
export type Addon = ObjectOf<typeof Addon>
