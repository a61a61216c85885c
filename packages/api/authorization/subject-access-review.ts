import { defineKind, type ObjectOf } from '../kind.ts'
import { mapTo, optional, text, texts } from '../schema.ts'
import { AccessStatus, NonResourceAttributes, ResourceAttributes } from './attributes.ts'

const spec = optional({
  resourceAttributes: ResourceAttributes,
  nonResourceAttributes: NonResourceAttributes,
  user: text,
  groups: texts,
  uid: text,
  extra: mapTo(texts),
})

/** Asks whether someone may do something. */
export const SubjectAccessReview = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  description: 'Asks whether someone may do something.',
  plural: 'subjectaccessreviews',
  namespaced: false,
  stored: false,
  spec,
  status: AccessStatus,
  subresources: { status: false },
})
export type SubjectAccessReview = ObjectOf<typeof SubjectAccessReview>

/** Asks whether someone may do something in one namespace. */
export const LocalSubjectAccessReview = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  description: 'Asks whether someone may do something in one namespace.',
  plural: 'localsubjectaccessreviews',
  namespaced: true,
  stored: false,
  spec,
  status: AccessStatus,
  subresources: { status: false },
})
export type LocalSubjectAccessReview = ObjectOf<typeof LocalSubjectAccessReview>
