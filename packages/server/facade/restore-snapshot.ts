import { collectionPath, namespaceOf, textInput } from '@thresher/api/action-call'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import type { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import type { StorageClass } from '@thresher/api/storage/storage-class'
import type { FacadeCall } from './context.ts'
import { readObject } from './answer.ts'

const snapshots = '/apis/snapshot.storage.k8s.io/v1'
const classes = '/apis/storage.k8s.io/v1/storageclasses'

/** Make a claim of a VolumeSnapshot, of the class that is named or that of the volume it was taken of. */
export async function restoreSnapshot(call: FacadeCall, object: KubeObject): Promise<undefined> {
  const input = readObject(call)
  const { metadata, spec, status } = object as VolumeSnapshot
  const namespace = namespaceOf(metadata)
  const name = textInput(input, 'name')
  const claims = collectionPath('v1', 'persistentvolumeclaims', namespace)
  const source = await find<PersistentVolumeClaim>(call, `${claims}/${spec.source.persistentVolumeClaimName}`)
  const given = typeof input.storageClassName === 'string' ? input.storageClassName : ''
  const storageClassName = given || source?.spec.storageClassName
  if (storageClassName) await checkClass(call, object as VolumeSnapshot, storageClassName, source)
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: metadata.name ?? '' }
  await call.api.request({
    method: 'POST',
    path: claims,
    body: {
      metadata: { name, namespace },
      spec: {
        accessModes: source?.spec.accessModes ?? ['ReadWriteOnce'],
        volumeMode: source?.spec.volumeMode ?? 'Block',
        ...(storageClassName ? { storageClassName } : {}),
        dataSource,
        resources: { requests: { storage: status?.restoreSize } },
      },
    },
    signal: call.request.signal,
  })
  return undefined
}

/** @throws {ApiError} with Harvester's words for a class that the snapshot cannot be restored with */
async function checkClass(
  call: FacadeCall,
  { status }: VolumeSnapshot,
  name: string,
  source: PersistentVolumeClaim | undefined,
): Promise<void> {
  const wanted = await find<StorageClass>(call, `${classes}/${encodeURIComponent(name)}`)
  if (!wanted) throw new ApiError('BadRequest', `the storage class ${name} does not exist; name another`)
  const bound = status?.boundVolumeSnapshotContentName ?? ''
  const content = await find<VolumeSnapshotContent>(
    call,
    `${snapshots}/volumesnapshotcontents/${encodeURIComponent(bound)}`,
  )
  if (content && content.spec.driver !== wanted.provisioner)
    throw new ApiError('BadRequest', 'Can not use different provisioner for restoring volume snapshot')
  const before = source?.spec.storageClassName
  if (before === undefined || before === name) return
  const was = await find<StorageClass>(call, `${classes}/${encodeURIComponent(before)}`)
  if (was?.parameters?.imageId)
    throw new ApiError('BadRequest', 'Can not use different storageClass for restoring image volume snapshot')
}

/** An object that the caller may read; undefined where there is none. */
async function find<O>(call: FacadeCall, path: string): Promise<O | undefined> {
  try {
    return await call.api.request<O>({ method: 'GET', path })
  } catch (error) {
    // Contents belong to the cluster: who may not read them leaves that check to the claim.
    if (isReason(error, 'NotFound', 'Forbidden')) return undefined
    throw error
  }
}
