import type { KubeObject, ObjectMeta } from '@thresher/api/meta'

/** An object without anything but its metadata. */
export interface PartialObjectMetadata {
  kind: 'PartialObjectMetadata'
  apiVersion: string
  metadata: ObjectMeta
}

/** Only the metadata of an object. @param apiVersion `meta.k8s.io/v1` or `meta.k8s.io/v1beta1` */
export function partialMetadata(object: KubeObject, apiVersion = 'meta.k8s.io/v1'): PartialObjectMetadata {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata }
}

/** Only the metadata of each object of a list. @param metadata the list's own */
export function partialMetadataList(
  objects: Iterable<KubeObject>,
  metadata: Record<string, unknown> = {},
  apiVersion = 'meta.k8s.io/v1',
): {
  kind: 'PartialObjectMetadataList'
  apiVersion: string
  metadata: Record<string, unknown>
  items: PartialObjectMetadata[]
} {
  const items = Array.from(objects, (object) => partialMetadata(object, apiVersion))
  return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items }
}
