import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { Command } from '../command.ts'
import { waitImported } from '../image/import.ts'
import { serveFile } from '../image/serve.ts'
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
  summary: 'Import a disk image (raw, qcow2, vmdk, vdi or iso) from a URL or a file of this host',
  arguments: [
    { name: 'name', description: 'the name it gets' },
    { name: 'source', description: 'an http(s) URL, or a file' },
  ],
  options: [
    { flags: '-n, --namespace <namespace>', description: 'the namespace', default: 'default' },
    { flags: '--display-name <text>', description: 'the name that people see (default: the name)' },
    { flags: '--checksum <sha512>', description: 'the SHA-512 that the downloaded file must have' },
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
    await using served = isUrl ? undefined : await serveFile(source!)
    await client.resource(VirtualMachineImage).create({
      metadata: { name: name!, namespace },
      spec: {
        displayName: (options['displayName'] as string | undefined) ?? name!,
        sourceType: 'download',
        url: served?.url ?? source!,
        ...(options['checksum'] === undefined ? {} : { checksum: options['checksum'] as string }),
      },
    } as never)
    if (options['wait'] === false)
      return console.log(`image ${namespace}/${name} is being imported; see: thresher image list`)
    await new Progress().step(`Import ${namespace}/${name}`, async (step) => {
      await waitImported(client, { namespace, name: name! }, (percent) => step.update(`${percent} %`), context.signal)
    })
  },
}
