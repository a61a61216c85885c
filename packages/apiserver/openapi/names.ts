import type { Kind } from '@thresher/api/kind'

/** The name of the schema of object metadata, and of the other shapes that all kinds share. */
export const metaNames = {
  objectMeta: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
  listMeta: 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta',
  status: 'io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  deleteOptions: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  patch: 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch',
} as const

/** The name of a kind's schema: `io.k8s.api.core.v1.Pod`, `io.kubevirt.v1.VirtualMachine`. */
export function schemaName({ group, version, kind }: Pick<Kind, 'group' | 'version' | 'kind'>): string {
  return `${prefixOf(group)}.${version}.${kind}`
}

function prefixOf(group: string): string {
  if (group === '') return 'io.k8s.api.core'
  if (!group.includes('.')) return `io.k8s.api.${group}`
  if (group.endsWith('.k8s.io') && group.split('.').length === 3) return `io.k8s.api.${group.split('.')[0]}`
  return group.split('.').toReversed().join('.')
}
