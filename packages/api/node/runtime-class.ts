import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { Toleration } from '../core/affinity.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { labels, list, optional, ResourceList, text } from '../schema.ts'

/** How containers are run. */
export const RuntimeClass = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  description: 'How containers are run.',
  plural: 'runtimeclasses',
  singular: 'runtimeclass',
  namespaced: false,
  fields: {
    handler: text,
    overhead: Type.Optional(optional({ podFixed: ResourceList })),
    scheduling: Type.Optional(
      optional({
        nodeSelector: { ...labels, 'x-kubernetes-map-type': 'atomic' },
        tolerations: list(Toleration),
      }),
    ),
  },
  columns: [column('Handler', '.handler'), age],
})
export type RuntimeClass = ObjectOf<typeof RuntimeClass>
