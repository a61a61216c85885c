import { statSync } from 'node:fs'
import { matches } from '@thresher/api/matches'
import { SwitchUnknownError, type LayerMerge, type LayerSwitch } from '../storage/open-volumes.ts'
import { QmpError, type QmpClient } from './qmp.ts'
import { BlockImage, type QmpEvent } from './qmp-commands.ts'

/** A drive as QEMU has it: the node that the guest writes, and the files below it. */
export interface OpenDisk {
  nodeName: string
  /** The name that the drive's node had at the start: those of later files are `<root>-g1`, `<root>-g2`, … */
  root: string
  /** The file that is written first, each standing on the next. */
  files: string[]
}

/** Names of one file are the same file. */
const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino

/** The drives of a guest. */
export async function openDisks(qmp: QmpClient): Promise<OpenDisk[]> {
  const blocks = await qmp.execute('query-block', {})
  return blocks.flatMap(({ inserted }) => {
    const nodeName = inserted?.['node-name']
    if (!inserted || !nodeName) return []
    const files: string[] = []
    for (let image: unknown = inserted.image; matches(BlockImage, image); image = image['backing-image'])
      files.push(pathOf(image.filename))
    return [{ nodeName, root: rootOf(nodeName), files }]
  })
}

/** The name that a drive's node had at the start, by that which it has now. */
export function rootOf(nodeName: string): string {
  return nodeName.replace(/-g\d+$/, '')
}

/** QEMU names a file whose chain it was given in so many words by all of it. */
function pathOf(filename: string): string {
  if (!filename.startsWith('json:')) return filename
  let value: unknown = JSON.parse(filename.slice('json:'.length))
  for (; typeof value === 'object' && value !== null; value = (value as { file?: unknown }).file)
    if ('filename' in value && typeof value.filename === 'string') return value.filename
  return filename
}

/**
 * Let the guest write on in new files, all from one instant on.
 *
 * @throws {QmpError}, {Error} when a drive writes another file than is said; then all are written as before
 */
export async function switchLayers(qmp: QmpClient, switches: readonly LayerSwitch[]): Promise<void> {
  const disks = await openDisks(qmp)
  const added: string[] = []
  try {
    const actions = []
    for (const one of switches) {
      const disk = disks.find(({ files: [top = ''] }) => inodeOf(top) === inodeOf(one.from))
      if (!disk) throw new Error(`QEMU writes another file than ${one.from}`)
      const overlay = `${disk.root}-g${1 + Number(/-g(\d+)$/.exec(disk.nodeName)?.[1] ?? 0)}`
      for (const node of one.to(overlay).toReversed()) {
        await qmp.execute('blockdev-add', node)
        added.push(node['node-name'])
      }
      actions.push({ type: 'blockdev-snapshot' as const, data: { node: disk.nodeName, overlay } })
    }
    await qmp.execute('transaction', { actions })
  } catch (error) {
    if (error instanceof QmpError && (error.reason === 'Timeout' || error.reason === 'Closed'))
      throw new SwitchUnknownError(`QEMU did not say whether it writes the new files: ${error.message}`, {
        cause: error,
      })
    for (const name of added.toReversed()) await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
    throw error
  }
}

/**
 * Copy the data of one file of a drive's chain into the one below it, and take it out of the chain. Finds a job that another agent
 * began, and its result.
 *
 * @throws {QmpError}, {Error} when QEMU could not; the signal's reason when it was given up. The chain is as it was then
 */
export async function mergeLayers(qmp: QmpClient, merge: LayerMerge, signal: AbortSignal): Promise<void> {
  const [topInode, baseInode] = [inodeOf(merge.top), inodeOf(merge.base)]
  const disk = (await openDisks(qmp)).find(({ files }) => files.some((file) => inodeOf(file) === baseInode))
  if (!disk) throw new Error(`QEMU has no chain with ${merge.base}`)
  const job = `merge-${disk.root}`
  const running = (await qmp.execute('query-jobs', {})).some(({ id }) => id === job)
  if (running) await finished(qmp, job, signal)
  const { files = [] } = (await openDisks(qmp)).find(({ root }) => root === disk.root) ?? {}
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true })
  const nodeOf = (inode: number | undefined): string | undefined =>
    nodes.find(({ drv, file }) => drv === 'file' && inodeOf(file) === inode)?.['node-name']?.replace(/-file$/, '')
  const top = nodeOf(topInode)
  if (files.some((file) => inodeOf(file) === topInode)) {
    const base = nodeOf(baseInode)
    if (top === undefined || base === undefined) throw new Error(`QEMU has no node for ${merge.top} or ${merge.base}`)
    await qmp.execute('block-commit', {
      'job-id': job,
      device: disk.nodeName,
      'top-node': top,
      'base-node': base,
      'backing-file': merge.backingName,
      'auto-dismiss': false,
    })
    await finished(qmp, job, signal)
  }
  if (top !== undefined)
    for (const name of [top, `${top}-file`]) await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
}

/** Resolves when a job is over, and dismisses it. @throws {Error} with the reason why it failed */
async function finished(qmp: QmpClient, id: string, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>()
  const cancel = (): void => void qmp.execute('job-cancel', { id }).catch(() => {})
  const stop = qmp.onEvent(({ event, data }: QmpEvent) => {
    if (event === 'JOB_STATUS_CHANGE' && data?.['id'] === id && data['status'] === 'concluded') over.resolve()
  })
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const [now] = (await qmp.execute('query-jobs', {})).filter((job) => job.id === id)
    if (now?.status === 'concluded') over.resolve()
    if (now && signal.aborted) cancel()
    await Promise.race([over.promise, qmp.closed.then(() => Promise.reject(new Error('QEMU is gone')))])
    const job = (await qmp.execute('query-jobs', {})).find((one) => one.id === id)
    await qmp.execute('job-dismiss', { id })
    signal.throwIfAborted()
    if (job?.error) throw new Error(`QEMU could not merge the files: ${job.error}`)
  } finally {
    stop()
    signal.removeEventListener('abort', cancel)
  }
}
