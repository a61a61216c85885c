import { isDeepStrictEqual } from 'node:util'
import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { StorageClass } from '@thresher/api/storage/storage-class'
import type { AdmissionRequest } from '../admission.ts'
import { isLocalVolume, isOwn } from '../auth/node/node-authorizer.ts'
import type { NodeGraph } from '../auth/node/node-graph.ts'
import type { Objects } from '../auth/objects.ts'
import { refuse } from './refuse.ts'

/**
 * What a node may do with volumes: create the one for a claim that the scheduler gave to it, with the driver of that claim's class,
 * and say later how large it is.
 *
 * A volume that a node could make up (`hostPath: /etc`, another claim's) would reach the pods of whoever binds it.
 */
export function restrictNodeVolumes(
  request: AdmissionRequest,
  node: string,
  graph: NodeGraph,
  objects: () => Objects,
): void {
  const volume = request.object as PersistentVolume | undefined
  if (!volume) return
  if (!isLocalVolume(volume, node))
    throw refuse(
      request,
      `node ${JSON.stringify(node)} may only have volumes whose node affinity names this node alone`,
    )
  const before = request.oldObject as PersistentVolume | undefined
  if (!before) return requireGiven(request, volume, node, graph, objects())
  const fixed = ({ spec }: PersistentVolume) => ({ ...spec, capacity: undefined })
  if (!isDeepStrictEqual(fixed(volume), fixed(before)))
    throw refuse(
      request,
      `node ${JSON.stringify(node)} may change the capacity of a volume and nothing else of its spec`,
    )
}

/** The sources of a volume, of which a node may use CSI alone. */
const common = new Set([
  'capacity',
  'accessModes',
  'volumeMode',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'claimRef',
  'nodeAffinity',
  'mountOptions',
  'csi',
])

function requireGiven(
  request: AdmissionRequest,
  { metadata, spec }: PersistentVolume,
  node: string,
  graph: NodeGraph,
  objects: Objects,
): void {
  const foreign = Object.keys(spec).find((field) => !common.has(field))
  if (foreign || !spec.csi)
    throw refuse(request, `a node may create volumes of a CSI driver only, not with ${foreign ?? 'no source at all'}`)
  const ref = spec.claimRef
  const claim =
    ref &&
    objects.get<PersistentVolumeClaim>(
      { group: '', plural: 'persistentvolumeclaims' },
      ref.namespace ?? '',
      ref.name ?? '',
    )
  if (!claim || claim.metadata.uid !== ref.uid || !isOwn(graph, node, 'persistentvolumeclaims', claim))
    throw refuse(
      request,
      `node ${JSON.stringify(node)} may create volumes only for claims that the scheduler gave to it (spec.claimRef)`,
    )
  if (claim.spec.volumeName && claim.spec.volumeName !== metadata.name)
    throw refuse(request, `the claim has the volume ${JSON.stringify(claim.spec.volumeName)} already`)
  const { storageClassName = '' } = claim.spec
  const driver = objects.get<StorageClass>({ group: 'storage.k8s.io', plural: 'storageclasses' }, '', storageClassName)
  if (spec.storageClassName !== storageClassName || driver?.provisioner !== spec.csi.driver)
    throw refuse(request, 'spec.storageClassName and spec.csi.driver must be those of the claim and of its class')
}
