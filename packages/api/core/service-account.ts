import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, listBy } from '../schema.ts'
import { LocalObjectReference, ObjectReference } from './references.ts'

/** The identity of a program. */
export const ServiceAccount = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  description: 'The identity of a program.',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  fields: {
    secrets: Type.Optional(listBy(ObjectReference, ['name'], 'name')),
    imagePullSecrets: Type.Optional(listBy(LocalObjectReference, ['name'], 'name')),
    automountServiceAccountToken: Type.Optional(flag),
  },
  columns: [{ name: 'Secrets', type: 'integer', path: (account) => account.secrets?.length ?? 0 }, age],
})
export type ServiceAccount = ObjectOf<typeof ServiceAccount>
