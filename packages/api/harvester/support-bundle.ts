import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, int64, object, optional, text, texts } from '../schema.ts'
import { Conditions } from './condition.ts'
import { same } from '../same.ts'

/** What an expert needs to see of the cluster, in one file. Times in minutes. */
export const SupportBundle = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'SupportBundle',
  description: 'What an expert needs to see of the cluster, in one file. Times in minutes.',
  plural: 'supportbundles',
  shortNames: ['sb', 'sbs'],
  namespaced: true,
  spec: object(
    { description: text },
    { issueURL: text, extraCollectionNamespaces: texts, timeout: int32, expiration: int32, nodeTimeout: int32 },
  ),
  status: optional({ state: text, progress: int32, filename: text, filesize: int64, conditions: Conditions }),
  columns: [column('Issue_URL', '.spec.issueURL'), column('Description', '.spec.description'), age],
  checkUpdate: (next, previous) =>
    same(next.spec, previous.spec)
      ? []
      : [{ field: 'spec', message: 'modifying the spec of an existing support bundle is not allowed; make another' }],
})
export type SupportBundle = ObjectOf<typeof SupportBundle>
