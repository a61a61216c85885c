import { defineKind, type ObjectOf } from '../kind.ts'
import { int64, optional, text, texts, time } from '../schema.ts'

/** Asks for a token of a service account; posted to its `token` subresource. */
export const TokenRequest = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  description: 'Asks for a token of a service account; posted to its `token` subresource.',
  plural: 'tokenrequests',
  namespaced: true,
  stored: false,
  spec: optional({
    audiences: texts,
    expirationSeconds: int64,
    boundObjectRef: optional({ apiVersion: text, kind: text, name: text, uid: text }),
  }),
  status: optional({ token: text, expirationTimestamp: time }),
  subresources: { status: false },
})
export type TokenRequest = ObjectOf<typeof TokenRequest>
