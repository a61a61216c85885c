import { chmod, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLayer, type LayerId } from './layer-id.ts'
import { DriverError, type ImageId, type SnapshotId, type VolumeId } from './volume-driver.ts'

/** The user that QEMU runs as. */
export interface FileOwner {
  uid: number
  gid: number
}

/** Where volumes, their snapshots and images lie below the agent's data folder. */
export class StorageFolders {
  readonly root: string
  readonly volumes: string
  readonly snapshots: string
  readonly images: string

  constructor(root: string) {
    this.root = root
    this.volumes = join(root, 'volumes')
    this.snapshots = join(root, 'snapshots')
    this.images = join(root, 'images')
  }

  /** A volume's first layer. @throws {DriverError} `Invalid` for an id that is no plain name */
  volume(id: VolumeId): string {
    return join(this.volumes, `${plainName(id, 'volume')}.qcow2`)
  }

  /** @throws {DriverError} `Invalid` */
  layer(id: LayerId): string {
    if (!parseLayer(id)) throw new DriverError('Invalid', `${JSON.stringify(id.slice(0, 80))} is no layer of a volume`)
    return join(this.volumes, `${id}.qcow2`)
  }

  /** Says that a volume is deleted while others stand on its layers. @throws {DriverError} `Invalid` */
  tombstone(id: VolumeId): string {
    return join(this.volumes, `${plainName(id, 'volume')}.deleted`)
  }

  /** What is recorded of a snapshot. @throws {DriverError} `Invalid` */
  snapshot(id: SnapshotId): string {
    return join(this.snapshots, `${plainName(id, 'snapshot')}.json`)
  }

  /** @throws {DriverError} `Invalid` */
  image(id: ImageId): string {
    return join(this.images, `${plainName(id, 'image')}.qcow2`)
  }

  /** The folder of an unfinished import. @throws {DriverError} `Invalid` */
  import(id: ImageId): string {
    return join(this.images, `.import-${plainName(id, 'image')}`)
  }

  /** Make the folders. QEMU's user may pass through them to a file it knows, but not list them. */
  async make(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o711 })
    const { mode } = await stat(this.root)
    if ((mode & 0o001) === 0) await chmod(this.root, (mode & 0o777) | 0o011)
    for (const folder of [this.volumes, this.images]) {
      await mkdir(folder, { recursive: true })
      await chmod(folder, 0o711)
    }
    await mkdir(this.snapshots, { recursive: true, mode: 0o700 })
  }
}

/** Ids become file names, so they may hold nothing that a path means something by. */
function plainName(id: string, what: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,199}$/.test(id)) return id
  throw new DriverError(
    'Invalid',
    `${JSON.stringify(id.slice(0, 80))} is no ${what} id: letters, digits and hyphens only, at most 200`,
  )
}
