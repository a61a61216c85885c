import type { Controller } from '@thresher/client/controller'
import type { GuestUids } from '../guest-uids.ts'
import { probeFileAccess } from './file-access.ts'
import { FreshVolumes } from './fresh-volumes.ts'
import { ImageCopies, type ImageCopiesOptions } from './image-copies.ts'
import { ImageFiles } from './image-files.ts'
import { ImageImports, type ImageControlOptions } from './images.ts'
import { LocalDriver } from './local.ts'
import type { OpenVolumes } from './open-volumes.ts'
import { PromisedSpace } from './promised-space.ts'
import { snapshotController } from './snapshots.ts'
import { StorageFolders, type FileOwner } from './storage-folders.ts'
import { spaceReport } from './space-report.ts'
import { tidyController } from './tidy.ts'
import { Uploads } from './uploads.ts'
import { DriverError, type VolumeDriver } from './volume-driver.ts'
import { claimController, freshVolumeSweep, volumeController, type VolumeControlOptions } from './volumes.ts'

/** Where the storage of a host lies and whom it serves. */
export interface StorageOptions extends Pick<
  ImageControlOptions,
  'times' | 'limits' | 'reserveBytes' | 'worker' | 'closedRanges' | 'places'
> {
  /** The agent's data folder: volumes and images lie below it. */
  root: string
  /** The name of this agent's Node. */
  node: string
  /** In whose group every QEMU is: it may read images. */
  owner?: FileOwner
  /** Opens the files of images that other hosts have; without it volumes are made of this host's own images alone. */
  fetchImage?: ImageCopiesOptions['fetchImage']
  /** The numbers that belong to guests. */
  guestUids?: GuestUids
}

/** The storage of one host. */
export interface HostStorage {
  driver: VolumeDriver
  /** In which QEMU opens files of volumes, and those of which it only reads. */
  volumeFolders: { writable: string[]; readOnly: string[] }
  images: ImageImports
  /** To be run with the agent's other controllers, by `runControllers`. */
  controllers(open: OpenVolumes, restore?: VolumeControlOptions['restore']): Controller[]
}

/** Ready the storage of this host. What an interrupted call left is removed; imports go on when the controllers run. */
export async function openStorage(options: StorageOptions): Promise<HostStorage> {
  const { root, node, owner, guestUids, fetchImage = noPeers, ...importing } = options
  const folders = new StorageFolders(root)
  const driver = new LocalDriver({ folders, guestUids })
  await driver.start()
  const { direct } = await probeFileAccess(folders.images)
  const uploads = new Uploads(folders, options.reserveBytes ?? 256 * 1024 * 1024)
  const shared = { ...importing, driver, direct, uploads, files: new ImageFiles(folders, owner) }
  const copies = new ImageCopies({ ...shared, fetchImage })
  const images = new ImageImports({ ...shared, node, copies })
  const fresh = new FreshVolumes(folders)
  const space = new PromisedSpace(driver)
  return {
    driver,
    volumeFolders: { writable: [folders.volumes], readOnly: [folders.images] },
    images,
    controllers: (open, restore = noTarget) => {
      driver.serve(open)
      const control: VolumeControlOptions = { node, driver, fresh, space, restore, copies }
      return [
        claimController(control),
        volumeController(control),
        freshVolumeSweep(control),
        snapshotController({ node, driver }),
        tidyController(driver),
        spaceReport({ node, driver, space }),
        images.controller(),
      ]
    },
  }
}

const noPeers: ImageCopiesOptions['fetchImage'] = () =>
  Promise.reject(new DriverError('NotFound', 'this host fetches no images of others'))

const noTarget: VolumeControlOptions['restore'] = () =>
  Promise.reject(new DriverError('Unsupported', 'this host makes no volumes from a backup target'))
