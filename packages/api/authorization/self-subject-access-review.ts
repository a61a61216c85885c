import { defineKind, type ObjectOf } from '../kind.ts'
import { optional } from '../schema.ts'
import { AccessStatus, NonResourceAttributes, ResourceAttributes } from './attributes.ts'

/** Asks whether the asker may do something. */
export const SelfSubjectAccessReview = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  description: 'Asks whether the asker may do something.',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
  stored: false,
  spec: optional({ resourceAttributes: ResourceAttributes, nonResourceAttributes: NonResourceAttributes }),
  status: AccessStatus,
  subresources: { status: false },
})
export type SelfSubjectAccessReview = ObjectOf<typeof SelfSubjectAccessReview>
