import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, list, object, optional, text, texts } from '../schema.ts'

/** Asks for all that the asker may do in a namespace. */
export const SelfSubjectRulesReview = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  description: 'Asks for all that the asker may do in a namespace.',
  plural: 'selfsubjectrulesreviews',
  namespaced: false,
  stored: false,
  spec: optional({ namespace: text }),
  status: object(
    {
      resourceRules: list(object({ verbs: texts }, { apiGroups: texts, resources: texts, resourceNames: texts })),
      nonResourceRules: list(object({ verbs: texts }, { nonResourceURLs: texts })),
      incomplete: flag,
    },
    { evaluationError: text },
  ),
  subresources: { status: false },
})
export type SelfSubjectRulesReview = ObjectOf<typeof SelfSubjectRulesReview>
