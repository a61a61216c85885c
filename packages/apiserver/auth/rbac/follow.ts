import type { Objects } from '../objects.ts'
import { rbacGroup, rbacResources, type RbacIndex } from './rbac-index.ts'

/** Keep the index like the cluster's roles and bindings. @returns a function that stops it */
export function followRbac(index: RbacIndex, objects: Objects): () => void {
  const stops = rbacResources.map((plural) =>
    objects.follow({ group: rbacGroup, plural }, (change) => {
      const { object } = change
      if (object) index.put(plural, object)
      else index.remove(plural, change.namespace, change.name)
    }),
  )
  return () => stops.forEach((stop) => stop())
}
