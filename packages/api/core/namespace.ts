import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { list, optional, text } from '../schema.ts'

/** A room for names; deleting it deletes all that is in it. */
export const Namespace = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  description: 'A room for names; deleting it deletes all that is in it.',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  specOptional: true,
  spec: optional({ finalizers: list(text) }),
  status: optional({ phase: text, conditions: Conditions }),
  columns: [column('Status', '.status.phase'), age],
  selectableFields: ['.status.phase'],
  fillDefaults(namespace) {
    namespace.spec ??= {}
    const labels = (namespace.metadata.labels ??= {})
    if (namespace.metadata.name) labels['kubernetes.io/metadata.name'] = namespace.metadata.name
    namespace.status ??= {}
    namespace.status.phase ||= 'Active'
  },
})
export type Namespace = ObjectOf<typeof Namespace>
