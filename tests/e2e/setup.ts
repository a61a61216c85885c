import { join, resolve } from 'node:path'
import { HostInUseError } from '@thresher/lab/host-claim'
import { LabHost, type LabHostOptions } from '@thresher/lab/lab-host'
import { buildGuestImage } from '@thresher/lab/guest/build'
import type { TestProject } from 'vitest/node'

/** Where the tests find the running product. */
export interface ProductInfo {
  number: number
  name: string
  address: string
  outside: string
  dataDir: string
  runDir: string
  kubeconfig: string
  guestImage: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    product: ProductInfo
  }
}

/** The product, once for all end-to-end tests: on a host of its own, in a network namespace. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  return await provideProduct(project)
}

/** Bring the product up on a lab host and let the tests of a project know where it is. @returns what takes it down */
export async function provideProduct(project: TestProject, options: LabHostOptions = {}): Promise<() => Promise<void>> {
  const app = resolve(import.meta.dirname, '../..')
  const guest = await buildGuestImage({ cacheDir: join(app, '.thresher/guest') })
  const { number, host } = await freeHost(app, options)
  try {
    await host.up()
  } catch (error) {
    await host[Symbol.asyncDispose]().catch(() => {})
    throw error
  }
  project.provide('product', {
    number,
    name: host.name,
    address: host.address,
    outside: host.outside,
    dataDir: host.dataDir,
    runDir: host.runDir,
    kubeconfig: host.kubeconfig,
    guestImage: guest.path,
  })
  return () => host[Symbol.asyncDispose]()
}

/** A host that no other run of the tests on this machine uses. */
async function freeHost(app: string, options: LabHostOptions): Promise<{ number: number; host: LabHost }> {
  for (let number = 1 + (process.pid % 200); ; number = (number % 200) + 1) {
    try {
      return { number, host: await LabHost.create(number, app, options) }
    } catch (error) {
      if (!(error instanceof HostInUseError)) throw error
    }
  }
}
