import { Type } from '../type.ts'
import { containerNames, images } from '../apps/workload.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { fillPodDefaults } from './pod-defaults.ts'
import { PodTemplateSpec } from './pod-spec.ts'

/** A template of pods, kept for itself. */
export const PodTemplate = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  description: 'A template of pods, kept for itself.',
  plural: 'podtemplates',
  namespaced: true,
  fields: { template: Type.Optional(PodTemplateSpec) },
  columns: [
    { name: 'Containers', path: ({ template }) => containerNames(template ?? {}) },
    { name: 'Images', path: ({ template }) => images(template ?? {}) },
    age,
  ],
  fillDefaults: ({ template }) => fillPodDefaults(template?.spec),
})
export type PodTemplate = ObjectOf<typeof PodTemplate>
