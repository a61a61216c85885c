import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { Command, Context } from '../command.ts'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import { waitImported } from '../image/import.ts'
import { downloadFile } from '../image/download.ts'
import { uploadFile, type ImagePlace } from '../image/upload.ts'
import { bytes, columns } from '../output/columns.ts'
import { Progress } from '../output/progress.ts'
import { UserError } from '../user-error.ts'

/** `thresher image list`. */
export const imageList: Command = {
  path: ['image', 'list'],
  summary: 'List images',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }],
  async run(context, _args, options) {
    const client = await context.client()
    const images = await client
      .resource(VirtualMachineImage)
      .list({ namespace: options['namespace'] as string | undefined })
    const rows = images.items.map((image) => {
      const imported = image.status?.conditions?.find((one) => one.type === 'Imported')
      const state =
        imported?.status === 'True'
          ? 'ready'
          : imported?.status === 'False' && imported.message
            ? imported.message
            : `${image.status?.progress ?? 0} %`
      return [
        image.metadata.namespace ?? '',
        image.metadata.name ?? '',
        image.spec.displayName ?? '',
        image.status?.virtualSize ? bytes(image.status.virtualSize) : '-',
        state,
      ]
    })
    console.log(
      rows.length === 0
        ? 'No images. Import one with: thresher image import NAME URL'
        : columns(['NAMESPACE', 'NAME', 'DISPLAY NAME', 'SIZE', 'STATE'], rows),
    )
  },
}

/** `thresher image import`. */
export const imageImport: Command = {
  path: ['image', 'import'],
  summary: 'Import a disk image (raw, qcow2, vmdk, vdi, vhdx, vhd or iso) from a URL or a file',
  arguments: [
    { name: 'name', description: 'the name it gets' },
    { name: 'source', description: 'an http(s) URL, or a file' },
  ],
  options: [
    { flags: '-n, --namespace <namespace>', description: 'the namespace', default: 'default' },
    { flags: '--display-name <text>', description: 'the name that people see (default: the name)' },
    { flags: '--checksum <sum>', description: 'the SHA-512 or SHA-256 that the file must have, in hex' },
    { flags: '--no-wait', description: 'return at once (URLs only)' },
  ],
  examples: [
    'thresher image import debian https://example.org/debian-12.qcow2',
    'thresher image import mine ./disk.raw',
  ],
  async run(context, [name, source], options) {
    const client = await context.client()
    const namespace = options['namespace'] as string
    const isUrl = /^https?:\/\//.test(source!)
    if (!isUrl && options['wait'] === false)
      throw new UserError('a file is imported while this command runs; leave --no-wait out.')
    const place = { namespace, name: name! }
    await client.resource(VirtualMachineImage).create({
      metadata: { name: name!, namespace },
      spec: {
        displayName: (options['displayName'] as string | undefined) ?? name!,
        ...(isUrl ? { sourceType: 'download', url: source! } : { sourceType: 'upload' }),
        ...(options['checksum'] === undefined ? {} : { checksum: options['checksum'] as string }),
      },
    } as never)
    if (options['wait'] === false)
      return console.log(`image ${namespace}/${name} is being imported; see: thresher image list`)
    const progress = new Progress()
    if (!isUrl) await uploadTo(context, place, source!, progress)
    await progress.step(`Import ${namespace}/${name}`, async (step) => {
      await waitImported(client, place, (percent) => step.update(`${percent} %`), context.signal)
    })
  },
}

async function uploadTo(context: Context, place: ImagePlace, file: string, progress: Progress): Promise<void> {
  const server = loadKubeconfig(context.kubeconfig())
  await progress.step(`Upload ${file}`, (step) =>
    uploadFile(server, place, file, (percent) => step.update(`${percent} %`), context.signal),
  )
}

/** `thresher image upload`: go on with an upload that was interrupted, or fill an image that was made elsewhere. */
export const imageUpload: Command = {
  path: ['image', 'upload'],
  summary: 'Send a file to an image that waits for it; what has arrived before is not sent again',
  arguments: [
    { name: 'name', description: 'the image, of source type upload' },
    { name: 'file', description: 'the file' },
  ],
  options: [{ flags: '-n, --namespace <namespace>', description: 'the namespace', default: 'default' }],
  async run(context, [name, file], options) {
    const client = await context.client()
    const place = { namespace: options['namespace'] as string, name: name! }
    const progress = new Progress()
    await uploadTo(context, place, file!, progress)
    await progress.step(`Import ${place.namespace}/${name}`, (step) =>
      waitImported(client, place, (percent) => step.update(`${percent} %`), context.signal),
    )
  },
}

/** `thresher image download`. */
export const imageDownload: Command = {
  path: ['image', 'download'],
  summary: 'Fetch an image as a file; run it again to go on after an interruption',
  arguments: [
    { name: 'name', description: 'the image' },
    { name: 'file', description: 'where to write it', optional: true },
  ],
  options: [
    { flags: '-n, --namespace <namespace>', description: 'the namespace', default: 'default' },
    { flags: '--format <format>', description: 'qcow2 or raw', default: 'qcow2', choices: ['qcow2', 'raw'] },
  ],
  async run(context, [name, given], options) {
    const format = options['format'] as string
    const file = given ?? `${name}.${format}`
    const server = loadKubeconfig(context.kubeconfig())
    const place = { namespace: options['namespace'] as string, name: name! }
    await new Progress().step(`Download ${file}`, async (step) => {
      const onProgress = (percent: number) => step.update(`${percent} %`)
      return bytes(await downloadFile(server, place, { file, format, onProgress }, context.signal))
    })
  },
}
