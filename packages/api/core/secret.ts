import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { Type } from '../type.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { base64, flag, labels, mapTo, text } from '../schema.ts'
import { checkData, checkImmutable } from './data-keys.ts'

/** The keys that a Secret of a well-known type must have; one of each inner list. */
const requiredKeys = new Map<string, string[][]>(
  Object.entries({
    'kubernetes.io/basic-auth': [['username', 'password']],
    'kubernetes.io/ssh-auth': [['ssh-privatekey']],
    'kubernetes.io/tls': [['tls.crt'], ['tls.key']],
    'kubernetes.io/dockerconfigjson': [['.dockerconfigjson']],
    'kubernetes.io/dockercfg': [['.dockercfg']],
  }),
)

const utf8 = new TextEncoder()

/** Small confidential data, in base64; encrypted where it is stored. */
export const Secret = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  description: 'Small confidential data, in base64; encrypted where it is stored.',
  plural: 'secrets',
  namespaced: true,
  fields: {
    data: Type.Optional(mapTo(base64)),
    stringData: Type.Optional(labels),
    type: Type.Optional(text),
    immutable: Type.Optional(flag),
  },
  columns: [
    column('Type', '.type'),
    { name: 'Data', type: 'integer', path: (secret) => Object.keys(secret.data ?? {}).length },
    age,
  ],
  selectableFields: ['.type'],
  /** `stringData` is only for writing: its values go, encoded, into `data`. */
  fillDefaults(secret) {
    secret.type ||= 'Opaque'
    if (!secret.stringData || typeof secret.stringData !== 'object') return
    const written = Object.entries(secret.stringData)
    if (!written.every(([, value]) => typeof value === 'string')) return
    const encoded = written.map(([key, value]) => [key, utf8.encode(value).toBase64()])
    secret.data = { ...secret.data, ...Object.fromEntries(encoded) }
    delete secret.stringData
  },
  check(secret) {
    const missing = (requiredKeys.get(secret.type ?? '') ?? [])
      .filter((keys) => !keys.some((key) => secret.data?.[key] !== undefined))
      .map((keys): FieldError => ({
        field: `data[${keys[0]}]`,
        message: `a Secret of type ${secret.type} needs the key ${keys.join(' or ')}`,
        reason: 'FieldValueRequired',
      }))
    const needsAccount = secret.type === 'kubernetes.io/service-account-token'
    if (needsAccount && !secret.metadata.annotations?.['kubernetes.io/service-account.name'])
      missing.push({
        field: 'metadata.annotations[kubernetes.io/service-account.name]',
        message: 'name the service account whose token this is',
        reason: 'FieldValueRequired',
      })
    return [...checkData({ data: secret.data }, 'data'), ...missing]
  },
  checkUpdate(next, previous) {
    const errors = checkImmutable(next, previous, ['data'])
    if (next.type !== previous.type)
      errors.push({ field: 'type', message: 'cannot change; delete the Secret and make it anew with the other type' })
    return errors
  },
})
export type Secret = ObjectOf<typeof Secret>
