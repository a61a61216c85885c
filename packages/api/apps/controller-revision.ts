import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { AnyObject, int64 } from '../schema.ts'
import { same } from '../same.ts'

/** One version of a workload's template, kept to go back to. */
export const ControllerRevision = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  description: "One version of a workload's template, kept to go back to.",
  plural: 'controllerrevisions',
  namespaced: true,
  fields: { revision: int64, data: Type.Optional(AnyObject) },
  columns: [
    {
      name: 'Controller',
      path({ metadata }) {
        const owner = metadata.ownerReferences?.find(({ controller }) => controller)
        return owner ? `${owner.kind.toLowerCase()}/${owner.name}` : '<none>'
      },
    },
    column('Revision', '.revision', 'integer'),
    age,
  ],
  checkUpdate: (next, previous) =>
    same(next.data, previous.data) ? [] : [{ field: 'data', message: 'is immutable; make another revision' }],
})
export type ControllerRevision = ObjectOf<typeof ControllerRevision>
