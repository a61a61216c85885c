import type { Static } from 'typebox'
import { listBy, object, optional, ResourceList, text } from '../schema.ts'

/** What a container asks for and may use at most. */
export const ResourceRequirements = optional({
  limits: ResourceList,
  requests: ResourceList,
  claims: listBy(object({ name: text }, { request: text }), ['name']),
})
export type ResourceRequirements = Static<typeof ResourceRequirements>

/** What a volume asks for and may use at most. */
export const VolumeResourceRequirements = optional({ limits: ResourceList, requests: ResourceList })
