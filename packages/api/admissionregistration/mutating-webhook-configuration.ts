import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { having, listBy, object, oneOf } from '../schema.ts'
import { webhookOptional, webhookRequired } from './webhook.ts'

const Webhook = object(webhookRequired, {
  ...webhookOptional,
  reinvocationPolicy: having(oneOf('Never', 'IfNeeded'), { default: 'Never' }),
})

/** Services that may change objects before they are stored. */
export const MutatingWebhookConfiguration = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  description: 'Services that may change objects before they are stored.',
  plural: 'mutatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  fields: { webhooks: Type.Optional(listBy(Webhook, ['name'], 'name')) },
  columns: [{ name: 'Webhooks', type: 'integer', path: ({ webhooks }) => webhooks?.length ?? 0 }, age],
})
export type MutatingWebhookConfiguration = ObjectOf<typeof MutatingWebhookConfiguration>
