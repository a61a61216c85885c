import { chmod, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DriverError, type ImageId, type VolumeId } from './volume-driver.ts'

/** The user that QEMU runs as. */
export interface FileOwner {
  uid: number
  gid: number
}

/** Where volumes and images lie below the agent's data folder. */
export class StorageFolders {
  readonly root: string
  readonly volumes: string
  readonly images: string

  constructor(root: string) {
    this.root = root
    this.volumes = join(root, 'volumes')
    this.images = join(root, 'images')
  }

  /** @throws {DriverError} `Invalid` for an id that is no plain name */
  volume(id: VolumeId): string {
    return join(this.volumes, `${plainName(id, 'volume')}.qcow2`)
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
  }
}

/** How an overlay names its image: relative, so that the data folder may move. */
export function backingName(image: ImageId): string {
  return `../images/${plainName(image, 'image')}.qcow2`
}

/** The image that a volume's header names. @throws {DriverError} `Corrupt` when it names anything else */
export function imageOfBackingName(name: string, volume: VolumeId): ImageId {
  const id = /^\.\.\/images\/([A-Za-z0-9][A-Za-z0-9-]*)\.qcow2$/.exec(name)?.[1]
  if (id) return id
  throw new DriverError('Corrupt', `the file of volume ${volume} refers to ${JSON.stringify(name)}, which is no image`)
}

/** Ids become file names, so they may hold nothing that a path means something by. */
function plainName(id: string, what: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,199}$/.test(id)) return id
  throw new DriverError(
    'Invalid',
    `${JSON.stringify(id.slice(0, 80))} is no ${what} id: letters, digits and hyphens only, at most 200`,
  )
}
