import type { KubeObject } from '@thresher/api/meta'

/** An object without what nobody writes or reads: who set which field. */
export function withoutNoise<T extends object>(object: T): T {
  const { metadata } = object as T & { metadata?: KubeObject['metadata'] }
  if (!metadata?.managedFields) return object
  const { managedFields: _managedFields, ...rest } = metadata
  return { ...object, metadata: rest }
}
