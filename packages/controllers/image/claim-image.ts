import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { imageIdAnnotation } from '@thresher/api/names'
import type { StorageClass } from '@thresher/api/storage/storage-class'
import type { Context } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'

/**
 * The image that a claim's content comes from, as `namespace/name`.
 *
 * @param classOf finds a StorageClass by name
 */
export function imageKeyOf(
  claim: PersistentVolumeClaim,
  classOf: (name: string) => StorageClass | undefined,
): string | undefined {
  const named = claim.metadata.annotations?.[imageIdAnnotation]
  if (named) return named.includes('/') ? named : `${claim.metadata.namespace}/${named}`
  const className = claim.spec.storageClassName
  return className ? classOf(className)?.parameters?.['imageId'] : undefined
}

/** How claims are found by the image they are made from; for {@link claimsOfImage}. */
export const claimImageIndexes = {
  image: (claim: PersistentVolumeClaim): string[] => {
    const key = imageKeyOf(claim, () => undefined)
    return key ? [key] : []
  },
  class: (claim: PersistentVolumeClaim): string[] => (claim.spec.storageClassName ? [claim.spec.storageClassName] : []),
}

/** The claims whose volumes are based on an image: those that name it, and those of its storage class. */
export function claimsOfImage(image: VirtualMachineImage, context: Context): PersistentVolumeClaim[] {
  const claims = context.objects(PersistentVolumeClaim)
  const className = image.status?.storageClassName
  const found = new Set([
    ...claims.byIndex('image', keyOf(image)),
    ...(className ? claims.byIndex('class', className) : []),
  ])
  return [...found]
}
