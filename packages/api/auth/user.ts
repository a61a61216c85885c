import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'

/** A person who logs in with a password that this cluster keeps. The object's name is the user name. */
export const User = defineKind({
  group: 'auth.thresher.io',
  version: 'v1',
  kind: 'User',
  description: "A person who logs in with a password that this cluster keeps. The object's name is the user name.",
  plural: 'users',
  namespaced: false,
  specOptional: true,
  spec: Type.Object({
    displayName: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    groups: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        'x-kubernetes-list-type': 'set',
        description: 'For bindings to name; none may begin with `system:`.',
      }),
    ),
    disabled: Type.Optional(Type.Boolean({ description: 'Refuses the login and every token of this user.' })),
    mustChangePassword: Type.Optional(Type.Boolean()),
    password: Type.Optional(
      Type.String({
        minLength: 12,
        maxLength: 256,
        description: 'For writing only: it is kept as a hash and never shown again.',
      }),
    ),
    tokensValidAfter: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'Sessions and tokens from before are refused; set with each new password.',
      }),
    ),
    passwordHash: Type.Optional(Type.String({ description: 'Salted scrypt hash, made by the server.' })),
  }),
  columns: [
    column('Display Name', '.spec.displayName'),
    { name: 'Groups', type: 'string', path: (user) => (user.spec?.groups ?? []).join(',') },
    { name: 'Disabled', type: 'boolean', path: (user) => user.spec?.disabled ?? false },
    age,
  ],
  check(user) {
    const errors: FieldError[] = (user.spec?.groups ?? [])
      .map((group, at) => ({ group, field: `spec.groups[${at}]` }))
      .filter(({ group }) => group.startsWith('system:'))
      .map(({ field }) => ({
        field,
        message: 'groups that begin with "system:" are the cluster\'s own; bind a role to another group',
      }))
    if (user.metadata.name?.startsWith('system:'))
      errors.push({ field: 'metadata.name', message: 'names that begin with "system:" are the cluster\'s own' })
    return errors
  },
})
export type User = ObjectOf<typeof User>
