import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, int64, mapTo, object, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** What an upgrade wrote, and the archives made of it. */
export const UpgradeLog = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'UpgradeLog',
  description: 'What an upgrade wrote, and the archives made of it.',
  plural: 'upgradelogs',
  namespaced: true,
  spec: object({ upgradeName: text }),
  status: optional({
    archives: mapTo(optional({ size: int64, generatedTime: text, ready: flag, reason: text })),
    conditions: Conditions,
  }),
  columns: [column('Upgrade', '.spec.upgradeName')],
  checkUpdate: (next, previous) =>
    next.spec.upgradeName === previous.spec.upgradeName ? [] : [{ field: 'spec.upgradeName', message: 'is immutable' }],
})
export type UpgradeLog = ObjectOf<typeof UpgradeLog>
