import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { isReason } from '@thresher/api/error'
import { failureWords } from '@thresher/api/failure-words'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { imageFileFinalizer, importNodeAnnotation } from '@thresher/api/names'
import { defineController, watch, type Context, type Controller, type Result } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { DownloadError } from './download-error.ts'
import { clusterEgress } from './egress-setting.ts'
import type { ImageCopies } from './image-copies.ts'
import { FairSlots } from './fair-slots.ts'
import { ImageExports, type ImageFile, type ImageFileForm } from './image-export.ts'
import { tellStatus, type ImportNews } from './image-status.ts'
import { importImage, type ImageSource, type Importing } from './import-image.ts'
import { planImport, retryTimes, title, type RetryTimes } from './plan-import.ts'
import type { UploadPiece, UploadState } from './uploads.ts'
import { DriverError, isDriverError } from './volume-driver.ts'

/** What the image controller works with. */
export interface ImageControlOptions extends Omit<Importing, 'egress'> {
  /** What is here of other hosts' images. */
  copies: Pick<ImageCopies, 'list' | 'remove'>
  /** The name of this agent's Node. */
  node: string
  times?: RetryTimes
  /** Ranges that nothing is downloaded from unless the cluster's setting opens them. */
  closedRanges?: readonly string[]
  /** How many imports run at once; 8 unless given. */
  places?: number
}

const progressEveryMs = 1000
const waitForVolumesMs = 5_000
const defaultPlaces = 8
/** Per cent of the progress; the rest is the import's. */
const uploadShare = 80
const sweepKey = ' sweep'

/** Imports the images that are assigned to this node. */
export class ImageImports {
  readonly #options: ImageControlOptions
  readonly #times: RetryTimes
  /** What is under way, by the image's UID. */
  readonly #running = new Map<string, AbortController>()
  /** Who is sending, by the image's UID. */
  readonly #receiving = new Map<string, AbortController>()
  readonly #places: FairSlots
  readonly #exports: ImageExports
  #context: Context | undefined
  #wake: ((key: string) => void) | undefined

  constructor(options: ImageControlOptions) {
    this.#options = options
    this.#times = options.times ?? retryTimes
    this.#places = new FairSlots(options.places ?? defaultPlaces)
    this.#exports = new ImageExports(options.files, options.reserveBytes ?? 256 * 1024 * 1024)
  }

  /** The controller that drives this. */
  controller(): Controller {
    return defineController({
      name: 'local-image',
      subject: subjectIs(VirtualMachineImage, undefined, (key) => (key === sweepKey ? undefined : key)),
      watches: [
        watch(VirtualMachineImage, (image, _context, change) => {
          if (change.type === 'deleted') return [sweepKey]
          const { deletionTimestamp, uid } = image.metadata
          const gone = new DriverError('NotFound', `${title(image)} is being deleted`)
          if (deletionTimestamp) for (const what of [this.#running, this.#receiving]) what.get(uid ?? '')?.abort(gone)
          return [keyOf(image)]
        }),
        watch(PersistentVolumeClaim, () => []),
        // The last volume of an image makes way for its deletion.
        watch(PersistentVolume, (volume, _context, { type }) => {
          const imageKey = volume.spec.csi?.volumeAttributes?.['imageId']
          return imageKey && type === 'deleted' ? [imageKey] : []
        }),
      ],
      keys: [sweepKey],
      reconcile: (key, context, queue) => {
        this.#context = context
        this.#wake = (other) => queue.add(other)
        return key === sweepKey ? this.#sweep(context) : this.#reconcile(key, context, (ms) => queue.addAfter(key, ms))
      },
    })
  }

  /**
   * Take in a piece of the file of an image whose source type is `upload`; with the last piece the import begins.
   *
   * @param key `namespace/name`
   * @throws {DriverError} `NotFound`, `Invalid`, or why the bytes were not taken
   */
  async upload(key: string, piece: Omit<UploadPiece, 'subject' | 'onProgress'>): Promise<UploadState> {
    const { image, context } = this.#uploadable(key)
    const { uid = '' } = image.metadata
    if (this.#running.has(uid)) throw new DriverError('Conflict', `${title(image)} is being imported already`)
    if (await this.#options.files.virtualBytes(uid))
      throw new DriverError('Conflict', `${title(image)} is there already; make another image`)
    if (image.metadata.deletionTimestamp) throw new DriverError('NotFound', `${title(image)} is being deleted`)
    if (this.#receiving.has(uid)) throw new DriverError('Conflict', `${title(image)} is being uploaded already`)
    const stop = new AbortController()
    this.#receiving.set(uid, stop)
    try {
      return await this.#receive(image, piece, context, stop.signal)
    } finally {
      this.#receiving.delete(uid)
    }
  }

  async #receive(
    image: VirtualMachineImage,
    piece: Omit<UploadPiece, 'subject' | 'onProgress'>,
    context: Context,
    stop: AbortSignal,
  ): Promise<UploadState> {
    const { uid = '' } = image.metadata
    const signal = AbortSignal.any([stop, context.signal, ...(piece.signal ? [piece.signal] : [])])
    await tell(image, { is: 'started' }, context)
    const report = this.#reporter(image, context, signal)
    const state = await this.#options.uploads.receive(uid, {
      ...piece,
      signal,
      subject: title(image),
      onProgress: (received, total) => total && report.progress(Math.floor((received / total) * uploadShare)),
    })
    await report.sent()
    if (state.complete) this.#wake?.(keyOf(image))
    return state
  }

  /** How much of an image's file has been sent. @throws {DriverError} `NotFound`, `Invalid` */
  async uploadState(key: string): Promise<UploadState> {
    return this.#options.uploads.state(this.#uploadable(key).image.metadata.uid ?? '')
  }

  /** The file of a finished image, to be given out. @throws {DriverError} `NotFound`, `NoSpace` */
  async open(key: string, form: ImageFileForm, signal: AbortSignal): Promise<ImageFile> {
    const image = this.#context?.objects(VirtualMachineImage).get(key)
    if (!image) throw new DriverError('NotFound', `there is no image ${key} on this node`)
    return this.#exports.open(image.metadata.uid ?? '', form, title(image), signal)
  }

  #uploadable(key: string): { image: VirtualMachineImage; context: Context } {
    const context = this.#context
    const image = context?.objects(VirtualMachineImage).get(key)
    if (!context || !image) throw new DriverError('NotFound', `there is no image ${key} on this node`)
    if (image.spec.sourceType !== 'upload')
      throw new DriverError('Invalid', `${title(image)} is not uploaded: its source type is ${image.spec.sourceType}`)
    if (image.metadata.annotations?.[importNodeAnnotation] !== this.#options.node)
      throw new DriverError('NotFound', `${title(image)} is imported on another node`)
    return { image, context }
  }

  /** Remove what imports and copies of images that are gone have left. */
  async #sweep(context: Context): Promise<Result | void> {
    const images = context.objects(VirtualMachineImage).list()
    const removed = await this.#options.files.sweep(new Set(images.map(({ metadata }) => metadata.uid ?? '')))
    if (removed.length > 0) context.log('info', `removed unfinished imports: ${removed.join(', ')}`)
    const known = new Set(images.map(({ metadata }) => metadata.uid))
    const gone = (await this.#options.copies.list()).filter((uid) => !known.has(uid))
    const freed = await Promise.all(gone.map((uid) => this.#options.copies.remove(uid)))
    return freed.includes(false) ? { afterMs: waitForVolumesMs } : undefined
  }

  async #reconcile(key: string, context: Context, again: (afterMs: number) => void): Promise<Result | void> {
    const images = context.objects(VirtualMachineImage)
    const image = images.get(key)
    if (!image || image.metadata.annotations?.[importNodeAnnotation] !== this.#options.node) return
    const uid = image.metadata.uid ?? ''
    const step = planImport(
      {
        node: this.#options.node,
        image,
        virtualBytes: await this.#options.files.virtualBytes(uid),
        uploaded: (await this.#options.uploads.state(uid)).complete,
        running: this.#running.has(uid),
        nowMs: context.now().getTime(),
      },
      this.#times,
    )
    switch (step.do) {
      case 'nothing':
        return
      case 'hold': {
        const finalizers = [...(image.metadata.finalizers ?? []), imageFileFinalizer]
        await images.update({ ...image, metadata: { ...image.metadata, finalizers } })
        return
      }
      case 'remove':
        return this.#remove(image, context)
      case 'wait':
        return { afterMs: step.ms }
      case 'report': {
        const { virtualBytes } = step
        // The agent ended between file and status: how long the source was is not known any more.
        const sizeBytes = image.status?.size ?? (await this.#options.files.fileBytes(uid))
        return tell(image, { is: 'done', sizeBytes, virtualBytes }, context)
      }
      case 'await-upload':
        return tell(image, { is: 'awaiting-upload' }, context)
      case 'take-upload':
        return this.#start(image, { kind: 'upload' }, context, again)
      case 'fail':
        return tell(image, { is: 'failed', reason: step.reason, message: step.message, final: true }, context)
      case 'download':
        return this.#start(image, { kind: 'download', url: step.url }, context, again)
      case 'export':
        return this.#export(image, step.claim, context, again)
    }
  }

  /** Let an import run beside the controller, and look at the image again when it has ended. */
  #start(image: VirtualMachineImage, source: ImageSource, context: Context, again: (afterMs: number) => void): void {
    this.#import(image, source, context).then(
      () => again(0),
      (error: unknown) => {
        if (context.signal.aborted) return
        context.log('warn', `${title(image)}: ${String(error)}`)
        again(progressEveryMs)
      },
    )
  }

  async #export(
    image: VirtualMachineImage,
    claimKey: string,
    context: Context,
    again: (afterMs: number) => void,
  ): Promise<Result | void> {
    const claim = context.objects(PersistentVolumeClaim).get(claimKey)
    const volume = claim?.spec.volumeName ? context.objects(PersistentVolume).get(claim.spec.volumeName) : undefined
    const handle = volume?.spec.csi?.volumeHandle
    if (handle) return this.#start(image, { kind: 'volume', volume: handle }, context, again)
    const message = `${title(image)} waits for the claim ${claimKey} to have a volume`
    await tell(image, { is: 'failed', reason: 'InUse', message, final: false }, context)
    return { afterMs: waitForVolumesMs }
  }

  async #remove(image: VirtualMachineImage, context: Context): Promise<Result | void> {
    const uid = image.metadata.uid ?? ''
    if (this.#running.has(uid) || this.#receiving.has(uid)) return { afterMs: progressEveryMs }
    try {
      await this.#options.files.remove(uid)
    } catch (error) {
      if (isDriverError(error, 'InUse')) return { afterMs: waitForVolumesMs }
      throw error
    }
    await context.objects(VirtualMachineImage).removeFinalizer(image, imageFileFinalizer)
  }

  /** Run one import to its end and tell of it. @returns what went wrong */
  async #import(image: VirtualMachineImage, source: ImageSource, context: Context): Promise<Error | undefined> {
    const { uid = '' } = image.metadata
    const stop = new AbortController()
    this.#running.set(uid, stop)
    try {
      await tell(image, { is: 'started', url: source.kind === 'download' ? source.url : undefined }, context)
      return await this.#inTurn(image, source, context, AbortSignal.any([stop.signal, context.signal]))
    } finally {
      this.#running.delete(uid)
    }
  }

  /** Import when it is this namespace's turn, and again from where it was when it had to make way for another's. */
  async #inTurn(
    image: VirtualMachineImage,
    source: ImageSource,
    context: Context,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    for (;;) {
      using place = await this.#places.enter(image.metadata.namespace ?? '', signal)
      const failure = await this.#fetch(image, source, context, AbortSignal.any([signal, place.signal]))
      if (!place.signal.aborted || signal.aborted || !failure) return failure
    }
  }

  /** Writes progress into the image's status, now and then; `sent` waits until the last of it has arrived. */
  #reporter({ metadata }: VirtualMachineImage, { client }: Context, signal?: AbortSignal) {
    let reportedAt = 0
    let sending: Promise<unknown> = Promise.resolve()
    return {
      progress: (progress: number) => {
        if (Date.now() - reportedAt < progressEveryMs || signal?.aborted) return
        reportedAt = Date.now()
        const patch = { status: { progress } }
        sending = client
          .resource(VirtualMachineImage)
          .patch(metadata.name ?? '', metadata.namespace, patch, 'merge', { subresource: 'status' })
          .catch(() => {})
      },
      sent: () => sending,
    }
  }

  async #fetch(
    image: VirtualMachineImage,
    source: ImageSource,
    context: Context,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { uid = '' } = image.metadata
    const report = this.#reporter(image, context, signal)
    try {
      const egress = () => clusterEgress(context.client, this.#options.closedRanges ?? [])
      const done = await importImage(
        { ...this.#options, egress },
        {
          id: uid,
          subject: title(image),
          source,
          checksum: image.spec.checksum,
          onProgress: report.progress,
          signal,
        },
      )
      await report.sent()
      await tell(image, { is: 'done', ...done }, context)
      const message = `imported ${done.sizeBytes} bytes, ${done.virtualBytes} for a guest`
      context.events.record({ object: image, reason: 'Imported', message })
      return undefined
    } catch (error) {
      if (signal.aborted) return error as Error
      const news = newsOf(error, source)
      await report.sent()
      await tell(image, news, context)
      context.events.record({ object: image, type: 'Warning', reason: 'ImportFailed', message: news.message })
      return error as Error
    }
  }
}

/** What a failure means for the image. */
function newsOf(error: unknown, source: ImageSource): Extract<ImportNews, { is: 'failed' }> {
  const message = failureWords(error)
  if (error instanceof DriverError || error instanceof DownloadError) {
    const hopeless = ['Refused', 'BadUrl', 'Closed', 'NotFound', 'Invalid'].includes(error.reason)
    return { is: 'failed', reason: error.reason, message, final: hopeless && source.kind !== 'upload' }
  }
  return { is: 'failed', reason: 'ImportFailed', message, final: false }
}

/** Write news into the status of the image as it is now; another may have written since. */
async function tell(image: VirtualMachineImage, news: ImportNews, context: Context): Promise<void> {
  const images = context.objects(VirtualMachineImage)
  const { namespace, name } = image.metadata
  let current = images.get(`${namespace}/${name}`) ?? image
  for (let tries = 0; ; tries++) {
    if (current.metadata.uid !== image.metadata.uid) return
    const status = tellStatus(current, news, context.now())
    if (status === current.status) return
    try {
      await images.updateStatus({ ...current, status })
      return
    } catch (error) {
      if (isReason(error, 'NotFound')) return
      if (!isReason(error, 'Conflict') || tries >= 10) throw error
      current = await context.client.resource(VirtualMachineImage).get(name ?? '', namespace)
    }
  }
}
