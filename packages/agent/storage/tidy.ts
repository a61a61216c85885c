import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { localDriver } from '@thresher/api/names'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { defineController, watch, type Controller } from '@thresher/client/controller'
import { noSubject } from '@thresher/client/subject'
import type { VolumeDriver } from './volume-driver.ts'

const key = 'files'
/** How often it is looked whether what waits for a guest's end, or for room, can be done. */
const againMs = 30_000

/** Gives back the space of deleted volumes and snapshots: after each deletion, and again while something is left to do. */
export function tidyController(driver: VolumeDriver): Controller {
  return defineController({
    name: 'local-tidy',
    subject: noSubject,
    workers: 1,
    keys: [key],
    watches: [
      // One that failed may have left a file that no guest took up.
      watch(VolumeSnapshotContent, ({ spec, status }, _, { type }) =>
        spec.driver === localDriver && (type === 'deleted' || status?.error) ? [key] : [],
      ),
      watch(PersistentVolume, ({ spec }, _, { type }) =>
        type === 'deleted' && spec.csi?.driver === localDriver ? [key] : [],
      ),
    ],
    async reconcile(_key, { signal }) {
      return (await driver.tidy(signal)) ? { afterMs: againMs } : undefined
    },
  })
}
