import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Time } from '../meta.ts'

/** A bearer token of a local user: a login, or one made for a script. Only the secret's hash is kept. */
export const Token = defineKind({
  group: 'auth.thresher.io',
  version: 'v1',
  kind: 'Token',
  description: "A bearer token of a local user: a login, or one made for a script. Only the secret's hash is kept.",
  plural: 'tokens',
  namespaced: false,
  spec: Type.Object({
    userName: Type.String({ minLength: 1 }),
    userUid: Type.String({
      minLength: 1,
      description: 'The token ends with this very user, not with the next of the same name.',
    }),
    description: Type.Optional(Type.String()),
    expiresAt: Type.Optional(Time),
    secretHash: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the part after the colon.' }),
  }),
  columns: [
    column('User', '.spec.userName'),
    column('Description', '.spec.description'),
    column('Expires', '.spec.expiresAt'),
    age,
  ],
  checkUpdate: (next, previous) =>
    (['userName', 'userUid', 'secretHash'] as const)
      .filter((field) => next.spec[field] !== previous.spec[field])
      .map((field) => ({ field: `spec.${field}`, message: 'is immutable; make a new token' })),
})
export type Token = ObjectOf<typeof Token>
