import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { isReason } from '@thresher/api/error'
import { formatTime } from '@thresher/client/conditions'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'
import { planVolume } from './plan.ts'

/** Shows which volumes are free, bound or released, and deletes released ones whose policy says so. */
export const persistentVolumeController = defineController({
  name: 'persistent-volume',
  subject: subjectIs(PersistentVolume),
  watches: [
    watch(PersistentVolume),
    watch(PersistentVolumeClaim, (claim, context, change) => {
      if (claim.spec.volumeName) return [claim.spec.volumeName]
      // A volume may name a claim that is gone before it was bound.
      if (change.type !== 'deleted') return []
      return context
        .objects(PersistentVolume)
        .list()
        .filter((volume) => volume.spec.claimRef?.uid === claim.metadata.uid)
        .map((volume) => volume.metadata.name ?? '')
    }),
  ],
  async reconcile(key, context) {
    const volumes = context.objects(PersistentVolume)
    const volume = volumes.get(key)
    if (!volume) return
    const step = planVolume(volume, await claimOf(volume, context))
    if (step.do === 'delete') return volumes.delete(volume)
    if (step.do === 'nothing') return
    const lastPhaseTransitionTime = formatTime(context.now())
    const status = { ...volume.status, phase: step.phase, message: step.message, lastPhaseTransitionTime }
    await volumes.updateStatus({ ...volume, status })
  },
})

/** The claim a volume is kept for. Before it counts as gone the server itself is asked, for data hangs on it. */
async function claimOf(volume: PersistentVolume, context: Context): Promise<PersistentVolumeClaim | undefined> {
  const { namespace, name, uid } = volume.spec.claimRef ?? {}
  if (!name || !namespace) return undefined
  const held = context.objects(PersistentVolumeClaim).get(`${namespace}/${name}`)
  if (held && (!uid || held.metadata.uid === uid)) return held
  try {
    return await context.client.resource(PersistentVolumeClaim).get(name, namespace)
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}
