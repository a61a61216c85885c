import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { StorageClass } from '@thresher/api/storage/storage-class'
import type { Condition } from '@thresher/api/meta'
import { findCondition } from '@thresher/client/conditions'
import type { Context } from '@thresher/client/controller'
import { isRefusal } from '@thresher/client/refused-error'
import { imageKeyOf } from '../image/claim-image.ts'
import { imageState } from '../image/image-state.ts'
import type { Trouble } from '../virtual-machine-instance/trouble.ts'
import { claimNames } from './claims.ts'

/** What keeps a machine's volumes from being ready, the worst first; undefined when nothing does. */
export function volumeTrouble(machine: VirtualMachine, context: Context): Trouble | undefined {
  const claims = context.objects(PersistentVolumeClaim)
  const classes = context.objects(StorageClass)
  const images = context.objects(VirtualMachineImage)
  let waiting: Trouble | undefined
  for (const name of claimNames(machine.spec.template.spec)) {
    const claim = claims.get(`${machine.metadata.namespace}/${name}`)
    if (!claim) {
      const message = `the PersistentVolumeClaim ${name} does not exist; create it or take the volume off ${machine.metadata.name}`
      return { reason: 'FailedPvcNotFound', message }
    }
    if (claim.status?.phase === 'Bound') continue
    const refused = findCondition(claim.status?.conditions, 'Synchronized')
    if (isRefusal(refused))
      return { reason: 'DataVolumeError', message: `the volume of ${name} waits: ${refused.message}` }
    const provisioned = findCondition(claim.status?.conditions, 'Provisioned')
    if (provisioned?.status === 'False' && provisioned.reason !== 'ImageImporting')
      return { reason: 'DataVolumeError', message: provisioned.message ?? `the volume of ${name} cannot be made` }
    const imageKey = imageKeyOf(claim, (className) => classes.get(className))
    if (!imageKey) continue
    const state = imageState(imageKey, images.get(imageKey))
    if (state.state === 'failed') return { reason: 'DataVolumeError', message: state.message }
    if (state.state === 'importing') waiting ??= { reason: 'Provisioning', message: state.message }
  }
  return waiting
}

/** What an instance's own conditions say is wrong. */
export function instanceTrouble(instance: VirtualMachineInstance | undefined): Trouble | undefined {
  const conditions = (instance?.status?.conditions ?? []) as Condition[]
  for (const type of ['Synchronized', 'PodScheduled']) {
    const { status, reason, message } = findCondition(conditions, type) ?? {}
    if (status === 'False' && reason && message) return { reason, message }
  }
  return undefined
}
