import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { allocatedBytesAnnotation, hostnameLabel, spaceAnnotations } from '@thresher/api/names'
import { formatBytes } from '@thresher/api/quantity'
import { same } from '@thresher/api/same'
import { CSIStorageCapacity } from '@thresher/api/storage/csi-storage-capacity'
import { defineController, watch, type Context, type Controller } from '@thresher/client/controller'
import { noSubject } from '@thresher/client/subject'
import { nodeOf } from './plan-claim.ts'
import { promisableBytes, type PromisedSpace } from './promised-space.ts'
import type { VolumeDriver } from './volume-driver.ts'

/** What is reported, and from where. */
export interface SpaceReportOptions {
  /** The name of this agent's Node. */
  node: string
  driver: VolumeDriver
  space: PromisedSpace
}

const key = 'space'
const namespace = 'kube-system'
/** The class that stands for all of the driver. */
const localClass = 'local'
/** What guests write shows nowhere but in the files, so they are looked at. */
const againMs = 60_000
/** Smaller changes are not worth a write. */
const leastChange = 16 * 1024 * 1024

/** The name of a node's CSIStorageCapacity. */
export function capacityName(node: string): string {
  return `${localClass}-${node}`
}

/** Reports how much room this node has for volumes, and what each volume takes. */
export function spaceReport(options: SpaceReportOptions): Controller {
  return defineController({
    name: 'local-space',
    subject: noSubject,
    workers: 1,
    keys: [key],
    watches: [
      watch(PersistentVolume, (volume, _, { type }) =>
        type !== 'updated' && nodeOf(volume) === options.node ? [key] : [],
      ),
    ],
    async reconcile(_key, context) {
      await reportRoom(options, context)
      await reportVolumes(options, context)
      return { afterMs: againMs }
    },
  })
}

async function reportRoom({ node, space }: SpaceReportOptions, { client }: Context): Promise<void> {
  const now = await space.now(client)
  const annotations = {
    [spaceAnnotations.total]: rounded(now.totalBytes),
    [spaceAnnotations.free]: rounded(now.freeBytes),
    [spaceAnnotations.promised]: rounded(now.promisedBytes),
  }
  const capacities = client.resource(CSIStorageCapacity)
  const wanted = {
    metadata: { name: capacityName(node), namespace, annotations },
    storageClassName: localClass,
    nodeTopology: { matchLabels: { [hostnameLabel]: node } },
    capacity: formatBytes(Number(rounded(promisableBytes(now)))),
    maximumVolumeSize: formatBytes(Number(rounded(now.totalBytes))),
  }
  const [held] = (await capacities.list({ namespace, fieldSelector: `metadata.name=${capacityName(node)}` })).items
  if (!held) await capacities.create(wanted)
  else if (held.capacity !== wanted.capacity || !same(held.metadata.annotations, annotations))
    await capacities.update({ ...held, ...wanted, metadata: { ...held.metadata, annotations } })
}

/** To whole MiB: the rest changes with every line that a log gets. */
function rounded(bytes: number): string {
  return String(Math.floor(bytes / leastChange) * leastChange)
}

async function reportVolumes({ node, driver }: SpaceReportOptions, context: Context): Promise<void> {
  const volumes = context.objects(PersistentVolume)
  const allocations = await driver.allocations()
  for (const volume of volumes.list()) {
    const taken = allocations.get(volume.spec.csi?.volumeHandle ?? '')
    if (taken === undefined || nodeOf(volume) !== node || volume.metadata.deletionTimestamp) continue
    const before = volume.metadata.annotations?.[allocatedBytesAnnotation]
    if (before !== undefined && Math.abs(Number(before) - taken) < leastChange) continue
    await volumes.patch(volume, { metadata: { annotations: { [allocatedBytesAnnotation]: String(taken) } } })
  }
}
