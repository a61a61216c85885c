import { LabelSelector } from '../meta.ts'
import { base64, having, int32, list, object, oneOf, optional, text, texts } from '../schema.ts'

/** Which requests are meant. */
export const Rule = optional({
  apiGroups: texts,
  apiVersions: texts,
  resources: texts,
  operations: texts,
  scope: having(text, { default: '*' }),
})

/** The fields that both kinds of webhook have. */
export const webhookRequired = {
  name: text,
  clientConfig: optional({
    url: text,
    service: object({ namespace: text, name: text }, { path: text, port: having(int32, { default: 443 }) }),
    caBundle: base64,
  }),
  sideEffects: oneOf('None', 'NoneOnDryRun', 'Some', 'Unknown'),
  admissionReviewVersions: texts,
}

/** The further fields that both kinds of webhook have. */
export const webhookOptional = {
  rules: list(Rule),
  failurePolicy: having(oneOf('Ignore', 'Fail'), { default: 'Fail' }),
  matchPolicy: having(oneOf('Exact', 'Equivalent'), { default: 'Equivalent' }),
  namespaceSelector: having(LabelSelector, { default: {} }),
  objectSelector: having(LabelSelector, { default: {} }),
  timeoutSeconds: having(int32, { default: 10, minimum: 1, maximum: 30 }),
  matchConditions: list(object({ name: text, expression: text })),
}
