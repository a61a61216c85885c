import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector } from '../meta.ts'
import { having, int64, list, listBy, object, optional, set, text, texts } from '../schema.ts'

const rule = optional({
  apiGroups: texts,
  apiVersions: texts,
  resources: texts,
  operations: texts,
  resourceNames: texts,
  scope: having(text, { default: '*' }),
})

const match = optional({
  namespaceSelector: LabelSelector,
  objectSelector: LabelSelector,
  resourceRules: list(rule),
  excludeResourceRules: list(rule),
  matchPolicy: having(text, { default: 'Equivalent' }),
})

/** Rules in CEL that judge objects before they are stored. */
export const ValidatingAdmissionPolicy = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  description: 'Rules in CEL that judge objects before they are stored.',
  plural: 'validatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  spec: optional({
    paramKind: optional({ apiVersion: text, kind: text }),
    matchConstraints: match,
    validations: list(object({ expression: text }, { message: text, reason: text, messageExpression: text })),
    failurePolicy: having(text, { default: 'Fail' }),
    auditAnnotations: list(object({ key: text, valueExpression: text })),
    matchConditions: listBy(object({ name: text, expression: text }), ['name'], 'name'),
    variables: listBy(object({ name: text, expression: text }), ['name'], 'name'),
  }),
  status: optional({
    observedGeneration: int64,
    typeChecking: optional({ expressionWarnings: list(object({ fieldRef: text, warning: text })) }),
    conditions: Conditions,
  }),
  columns: [
    { name: 'Validations', type: 'integer', path: ({ spec }) => spec.validations?.length ?? 0 },
    { name: 'ParamKind', path: ({ spec }) => spec.paramKind?.kind ?? '<unset>' },
    age,
  ],
})
export type ValidatingAdmissionPolicy = ObjectOf<typeof ValidatingAdmissionPolicy>

/** Puts a policy in force, with its parameters. */
export const ValidatingAdmissionPolicyBinding = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  description: 'Puts a policy in force, with its parameters.',
  plural: 'validatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  spec: optional({
    policyName: text,
    paramRef: optional({
      name: text,
      namespace: text,
      selector: LabelSelector,
      parameterNotFoundAction: text,
    }),
    matchResources: match,
    validationActions: set(text),
  }),
  columns: [
    { name: 'PolicyName', path: ({ spec }) => spec.policyName },
    { name: 'ParamRef', path: ({ spec }) => spec.paramRef?.name ?? '<unset>' },
    age,
  ],
})
export type ValidatingAdmissionPolicyBinding = ObjectOf<typeof ValidatingAdmissionPolicyBinding>
