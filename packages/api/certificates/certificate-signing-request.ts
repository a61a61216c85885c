import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { base64, int32, listBy, mapTo, object, optional, text, texts, time } from '../schema.ts'

/** A wish for a client or server certificate. */
export const CertificateSigningRequest = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  description: 'A wish for a client or server certificate.',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  spec: object(
    { request: base64, signerName: text },
    {
      expirationSeconds: int32,
      usages: texts,
      username: text,
      uid: text,
      groups: texts,
      extra: mapTo(texts),
    },
  ),
  status: optional({
    conditions: listBy(
      object(
        { type: text, status: text },
        { reason: text, message: text, lastUpdateTime: time, lastTransitionTime: time },
      ),
      ['type'],
      'type',
    ),
    certificate: base64,
  }),
  columns: [
    age,
    column('SignerName', '.spec.signerName'),
    column('Requestor', '.spec.username'),
    {
      name: 'Condition',
      path({ status }) {
        const words = (status?.conditions ?? []).map(({ type }) => type)
        if (words.length === 0) words.push('Pending')
        return [...words, ...(status?.certificate ? ['Issued'] : [])].join(',')
      },
    },
  ],
  selectableFields: ['.spec.signerName'],
})
export type CertificateSigningRequest = ObjectOf<typeof CertificateSigningRequest>
