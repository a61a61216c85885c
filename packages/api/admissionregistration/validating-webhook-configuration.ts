import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { listBy, object } from '../schema.ts'
import { webhookOptional, webhookRequired } from './webhook.ts'

const Webhook = object(webhookRequired, { ...webhookOptional })

/** Services that judge objects before they are stored. */
export const ValidatingWebhookConfiguration = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  description: 'Services that judge objects before they are stored.',
  plural: 'validatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  fields: { webhooks: Type.Optional(listBy(Webhook, ['name'], 'name')) },
  columns: [{ name: 'Webhooks', type: 'integer', path: ({ webhooks }) => webhooks?.length ?? 0 }, age],
})
export type ValidatingWebhookConfiguration = ObjectOf<typeof ValidatingWebhookConfiguration>
