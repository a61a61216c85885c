import { Node } from '@thresher/api/core/node'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { Condition } from '@thresher/api/meta'
import { hostnameLabel, importNodeAnnotation, localDriver } from '@thresher/api/names'
import { same } from '@thresher/api/same'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { imageFinalizer } from '../names.ts'
import { openNodes } from '../persistent-volume/persistent-volume-claim.ts'
import { claimImageIndexes, claimsOfImage, imageKeyOf } from './claim-image.ts'

/** Gives each image its StorageClass and the node that imports it, and keeps images that volumes are based on. */
export const imageController = defineController({
  name: 'image',
  subject: subjectIs(VirtualMachineImage),
  watches: [
    watch(VirtualMachineImage),
    watch(StorageClass, (storageClass) => {
      const key = storageClass.parameters?.['imageId']
      return key ? [key] : []
    }),
    watch(
      PersistentVolumeClaim,
      (claim, context, change) => {
        const key = imageKeyOf(claim, (name) => context.objects(StorageClass).get(name))
        return key && change.type === 'deleted' ? [key] : []
      },
      claimImageIndexes,
    ),
    watch(PersistentVolume, () => []),
    watch(Node, (_, context) =>
      context
        .objects(VirtualMachineImage)
        .list()
        .filter((image) => !image.metadata.annotations?.[importNodeAnnotation])
        .map(keyOf),
    ),
  ],
  async reconcile(key, context) {
    const image = context.objects(VirtualMachineImage).get(key)
    if (!image) return
    if (image.metadata.deletionTimestamp) return release(image, context)
    const className = await ensureClass(image, context)
    const assigned = await assign(image, context)
    await show(assigned, className, context)
  },
})

/** The name of an image's StorageClass, as Harvester ≥ 1.8 makes it. */
export function imageClassName(image: VirtualMachineImage): string {
  return `lh-${image.metadata.uid}`
}

async function ensureClass(image: VirtualMachineImage, context: Context): Promise<string> {
  const name = imageClassName(image)
  await context.objects(StorageClass).ensure({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner: localDriver,
    parameters: { ...image.spec.storageClassParameters, imageId: keyOf(image) },
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  })
  return name
}

/** Choose the node that imports: where the source volume is, else the ready node with the fewest images. */
async function assign(image: VirtualMachineImage, context: Context): Promise<VirtualMachineImage> {
  const { annotations, finalizers = [] } = image.metadata
  const node = annotations?.[importNodeAnnotation] ?? sourceNode(image, context) ?? emptiestNode(context)
  const guarded = finalizers.includes(imageFinalizer)
  if (guarded && (!node || annotations?.[importNodeAnnotation])) return image
  return context.objects(VirtualMachineImage).update({
    ...image,
    metadata: {
      ...image.metadata,
      annotations: { ...annotations, ...(node ? { [importNodeAnnotation]: node } : {}) },
      finalizers: guarded ? finalizers : [...finalizers, imageFinalizer],
    },
  })
}

function sourceNode(image: VirtualMachineImage, context: Context): string | undefined {
  const { pvcName, pvcNamespace } = image.spec
  if (!pvcName || !pvcNamespace) return undefined
  const volumeName = context.objects(PersistentVolumeClaim).get(`${pvcNamespace}/${pvcName}`)?.spec.volumeName
  const affinity = volumeName
    ? context.objects(PersistentVolume).get(volumeName)?.spec.nodeAffinity?.required
    : undefined
  const expressions = affinity?.nodeSelectorTerms.flatMap((term) => term.matchExpressions ?? [])
  return expressions?.find(({ key }) => key === hostnameLabel)?.values?.[0]
}

function emptiestNode(context: Context): string | undefined {
  const counts = new Map(openNodes(context).map((name) => [name, 0]))
  for (const image of context.objects(VirtualMachineImage).list()) {
    const name = image.metadata.annotations?.[importNodeAnnotation] ?? ''
    if (counts.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => a - b)[0]?.[0]
}

async function show(image: VirtualMachineImage, storageClassName: string, context: Context): Promise<void> {
  const waits = !image.metadata.annotations?.[importNodeAnnotation]
  const conditions = waits
    ? setCondition(
        image.status?.conditions as Condition[] | undefined,
        {
          type: 'Initialized',
          status: 'False',
          reason: 'NoNode',
          message: `no node is ready to import ${image.metadata.name}; start an agent on a host`,
        },
        context.now(),
      )
    : image.status?.conditions
  const status = {
    ...image.status,
    storageClassName,
    ...(conditions ? { conditions } : {}),
  } as VirtualMachineImage['status']
  if (same(status, image.status)) return
  await context.objects(VirtualMachineImage).updateStatus({ ...image, status })
}

/** Let a deleted image and its class go once no volume is based on it. */
async function release(image: VirtualMachineImage, context: Context): Promise<void> {
  const users = claimsOfImage(image, context)
  if (users.length > 0) {
    const names = users.map(keyOf).sort().join(', ')
    const message = `${image.metadata.name} goes when the volumes based on it are gone: ${names}`
    const conditions = setCondition(
      image.status?.conditions as Condition[] | undefined,
      { type: 'InUse', status: 'True', reason: 'UsedByVolumes', message },
      context.now(),
    ) as NonNullable<VirtualMachineImage['status']>['conditions']
    if (conditions !== image.status?.conditions)
      await context.objects(VirtualMachineImage).updateStatus({ ...image, status: { ...image.status, conditions } })
    return
  }
  const storageClass = context.objects(StorageClass).get(imageClassName(image))
  if (storageClass) await context.objects(StorageClass).delete(storageClass)
  await context.objects(VirtualMachineImage).removeFinalizer(image, imageFinalizer)
}
