import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, having, mapTo, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** One upgrade of the cluster to another version. */
export const Upgrade = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'Upgrade',
  description: 'One upgrade of the cluster to another version.',
  plural: 'upgrades',
  namespaced: true,
  spec: optional({ version: text, image: text, logEnabled: having(flag, { default: true }), upgradeImage: text }),
  status: optional({
    previousVersion: text,
    imageID: text,
    repoInfo: text,
    singleNode: text,
    nodeStatuses: mapTo(optional({ state: text, reason: text, message: text })),
    upgradeLog: text,
    conditions: Conditions,
  }),
  columns: [column('Version', '.spec.version'), age],
  check: ({ spec }) =>
    spec?.version || spec?.image
      ? []
      : [
          {
            field: 'spec.version',
            message: 'name the version or the image to upgrade to',
            reason: 'FieldValueRequired',
          },
        ],
})
export type Upgrade = ObjectOf<typeof Upgrade>
