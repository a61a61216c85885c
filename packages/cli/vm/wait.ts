import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'
import { UserError } from '../user-error.ts'

/**
 * Watch one object until `done` says so. `undefined` is given to `done` while the object does not exist.
 *
 * @throws {UserError} after `timeoutMs`, with what was waited for
 */
export async function waitUntil<O extends KubeObject>(
  client: Client,
  kind: TypedKind<O>,
  place: { name: string; namespace?: string },
  done: (object: O | undefined) => boolean,
  options: { timeoutMs: number; what: string; signal: AbortSignal },
): Promise<O | undefined> {
  const limit = AbortSignal.timeout(options.timeoutMs)
  const signal = AbortSignal.any([limit, options.signal])
  const resource = client.resource(kind)
  try {
    for (;;) {
      const list = await resource.list({
        namespace: place.namespace,
        fieldSelector: `metadata.name=${place.name}`,
        signal,
      })
      if (done(list.items[0])) return list.items[0]
      const events = resource.watch({
        namespace: place.namespace,
        fieldSelector: `metadata.name=${place.name}`,
        resourceVersion: list.metadata.resourceVersion,
        signal,
      })
      for await (const event of events) {
        if (event.type === 'BOOKMARK') continue
        const object = event.type === 'DELETED' ? undefined : event.object
        if (done(object)) return object
      }
    }
  } catch (error) {
    if (limit.aborted) throw new UserError(`${options.what} is not there after ${options.timeoutMs / 1000} s.`)
    throw error
  }
}

/** The instance of a running machine. @throws {UserError} when it does not run, with the reason that the API gives */
export async function runningInstance(client: Client, namespace: string, name: string) {
  try {
    const instance = await client.resource(VirtualMachineInstance).get(name, namespace)
    if (instance.status?.phase === 'Running') return instance
    throw new UserError(
      `virtual machine ${namespace}/${name} is ${instance.status?.phase ?? 'not started'}; wait until it runs.`,
    )
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    const machine = await client.resource(VirtualMachine).get(name, namespace)
    throw new UserError(
      `virtual machine ${namespace}/${name} is ${machine.status?.printableStatus ?? 'stopped'}; start it with: thresher vm start ${name}`,
    )
  }
}

/** The first address of an instance, without a prefix length. */
export function addressOf(instance: { status?: { interfaces?: { ipAddress?: string }[] } }): string | undefined {
  return instance.status?.interfaces
    ?.map((nic) => nic.ipAddress)
    .find((ip) => ip)
    ?.split('/')[0]
}
