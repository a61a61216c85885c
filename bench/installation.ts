import { resolve } from 'node:path'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import { buildGuestImage } from '@thresher/lab/guest/build'
import { LabHost } from '@thresher/lab/lab-host'

/** The product on a host of its own, with the guest image imported. */
export interface Installation extends AsyncDisposable {
  host: LabHost
  client: Client
  guestImage: string
  /** Create a machine of one CPU from the guest image. */
  createMachine(name: string, memory?: string): Promise<void>
}

/** Bring the product up for a measurement. */
export async function install(number: number): Promise<Installation> {
  const app = resolve(import.meta.dirname, '..')
  const guest = await buildGuestImage({ cacheDir: resolve(app, '.thresher/guest') })
  const host = await LabHost.create(number, app)
  await host.up()
  const imported = await host.thresher(['image', 'import', 'guest', guest.path])
  if (imported.code !== 0) throw new Error(imported.stderr)
  const client = new Client(httpsTransport(loadKubeconfig(host.kubeconfig)))
  const image = await client.resource(VirtualMachineImage).get('guest', 'default')
  return {
    host,
    client,
    guestImage: guest.path,
    async createMachine(name, memory = '192Mi') {
      const manifest = machineManifest({
        name,
        namespace: 'default',
        cpus: 1,
        memory,
        image: { name: 'default/guest', storageClass: image.status!.storageClassName! },
        disk: '1Gi',
        keys: [],
        runStrategy: 'RerunOnFailure',
        efi: false,
      })
      const { domain } = manifest.spec.template.spec
      // Without a limit on its processor, as QEMU by hand has none either.
      const resources = { limits: { memory } }
      const template = {
        ...manifest.spec.template,
        spec: { ...manifest.spec.template.spec, domain: { ...domain, resources } },
      }
      await client.resource(VirtualMachine).create({ ...manifest, spec: { ...manifest.spec, template } } as never)
    },
    async [Symbol.asyncDispose]() {
      await client.transport.close()
      await host[Symbol.asyncDispose]()
    },
  }
}
