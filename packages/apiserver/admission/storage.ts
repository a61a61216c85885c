import type { KubeObject } from '@thresher/api/meta'
import { compareQuantities } from '@thresher/api/quantity'
import type { AdmissionStep } from '../admission.ts'
import type { Objects } from '../auth/objects.ts'
import { isKind, refuse } from './refuse.ts'

interface Claim extends KubeObject {
  spec?: { storageClassName?: string | null; resources?: { requests?: Record<string, string> } }
}
interface StorageClass extends KubeObject {
  allowVolumeExpansion?: boolean
}

const classes = { group: 'storage.k8s.io', plural: 'storageclasses' }
const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

/** Claims that name no class get the cluster's default one; of several the newest. An empty name means none on purpose. */
export function defaultStorageClass(objects: () => Objects): AdmissionStep {
  return {
    name: 'DefaultStorageClass',
    mutate(request) {
      if (
        request.operation !== 'CREATE' ||
        request.subresource !== '' ||
        !isKind(request, '', 'persistentvolumeclaims')
      )
        return
      const claim = request.object as Claim
      const beta = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class']
      if (
        !claim.spec ||
        (claim.spec.storageClassName !== undefined && claim.spec.storageClassName !== null) ||
        beta !== undefined
      )
        return
      const defaults = [...objects().list<StorageClass>(classes)].filter(({ metadata }) =>
        defaultAnnotations.some((key) => metadata.annotations?.[key] === 'true'),
      )
      const order = ({ metadata }: StorageClass) => `${metadata.creationTimestamp ?? ''}`
      const [newest] = defaults.sort((a, b) =>
        order(a) === order(b)
          ? (a.metadata.name ?? '') < (b.metadata.name ?? '')
            ? -1
            : 1
          : order(a) < order(b)
            ? 1
            : -1,
      )
      if (newest) claim.spec.storageClassName = newest.metadata.name
    },
  }
}

/** Only volumes of a class that allows it can grow. */
export function claimResize(objects: () => Objects): AdmissionStep {
  return {
    name: 'PersistentVolumeClaimResize',
    validate(request) {
      if (
        request.operation !== 'UPDATE' ||
        request.subresource !== '' ||
        !isKind(request, '', 'persistentvolumeclaims')
      )
        return
      const size = (object: KubeObject | undefined) => (object as Claim | undefined)?.spec?.resources?.requests?.storage
      const [before, after] = [size(request.oldObject), size(request.object)]
      if (before === undefined || after === undefined || compareQuantities(after, before) <= 0) return
      const name = (request.oldObject as Claim).spec?.storageClassName
      if (name && objects().get<StorageClass>(classes, '', name)?.allowVolumeExpansion === true) return
      throw refuse(
        request,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      )
    },
  }
}
