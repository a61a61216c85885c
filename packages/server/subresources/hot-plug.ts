import { ApiError, isReason } from '@thresher/api/error'
import { claimNameOf, withoutVolume, withVolume, type AddVolumeOptions } from '@thresher/api/kubevirt/hot-plug'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { KubeObject } from '@thresher/api/meta'
import type { SubresourceCall } from '@thresher/apiserver/subresource'
import type { Client, ResourceClient } from '@thresher/client/client'
import { controllerKey } from '@thresher/client/owner'
import { notRunning } from './guest.ts'
import { accepted, fieldsOf, isDryRun, type Operation } from './handler.ts'
import { conflict, getInstance, getMachine } from './machines.ts'

type Change = <S extends VirtualMachineInstance['spec']>(spec: S) => S

/** A write that another overtook is tried this often. */
const tries = 5

/** `PUT …/addvolume`: attach a claim's volume, to a running guest at once. The machine keeps it over restarts. */
export const addVolume: readonly Operation[] = both('addvolume', async (call, { client }) => {
  const options = addOptions(call.body)
  const claim = claimNameOf({ name: options.name, ...options.volumeSource })
  await claimExists(client, call.namespace, claim)
  return (spec) => withVolume(spec, options)
})

/** `PUT …/removevolume`: detach a volume that was marked as hotpluggable. */
export const removeVolume: readonly Operation[] = both('removevolume', (call) => {
  const name = nameOf(call.body)
  return Promise.resolve((spec) => withoutVolume(spec, name))
})

/** The operation on a machine, and on a run: which passes it on to its machine, as that would take it back. */
function both(
  subresource: string,
  change: (call: SubresourceCall, tools: { client: Client }) => Promise<Change>,
): Operation[] {
  return [
    {
      plural: 'virtualmachines',
      subresource,
      methods: ['PUT'],
      async handle(call, tools) {
        await changeMachine(call, await change(call, tools), tools.client)
        return accepted
      },
    },
    {
      plural: 'virtualmachineinstances',
      subresource,
      methods: ['PUT'],
      async handle(call, tools) {
        const instance = await getInstance(tools.client, call)
        const against = notRunning(instance)
        if (against) throw conflict('virtualmachineinstance', call.name, against)
        const apply = await change(call, tools)
        if (controllerKey(instance, VirtualMachine).length > 0) await changeMachine(call, apply, tools.client)
        else await changeInstance(call, apply, tools.client)
        return accepted
      },
    },
  ]
}

function changeMachine(call: SubresourceCall, change: Change, client: Client): Promise<void> {
  return edit(
    client.resource(VirtualMachine),
    () => getMachine(client, call),
    (machine) => {
      const template = { ...machine.spec.template, spec: change(machine.spec.template.spec) }
      return { ...machine, spec: { ...machine.spec, template } }
    },
    isDryRun(call.body),
  )
}

function changeInstance(call: SubresourceCall, change: Change, client: Client): Promise<void> {
  return edit(
    client.resource(VirtualMachineInstance),
    () => getInstance(client, call),
    (instance) => ({ ...instance, spec: change(instance.spec) }),
    isDryRun(call.body),
  )
}

/** Read, change and write back, anew when another wrote meanwhile. */
async function edit<O extends KubeObject>(
  resource: ResourceClient<O>,
  read: () => Promise<O>,
  change: (object: O) => O,
  dryRun: boolean,
): Promise<void> {
  for (let left = tries; ; left--) {
    const next = change(await read())
    if (dryRun) return
    try {
      await resource.update(next)
      return
    } catch (error) {
      if (left <= 1 || !isReason(error, 'Conflict')) throw error
    }
  }
}

async function claimExists(client: Client, namespace: string, name: string | undefined): Promise<void> {
  if (name === undefined) return
  try {
    await client.resource(PersistentVolumeClaim).get(name, namespace)
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    throw new ApiError('NotFound', `persistentvolumeclaims "${name}" not found; create the claim first`)
  }
}

function nameOf(body: unknown): string {
  const { name } = fieldsOf(body)
  if (typeof name === 'string' && name !== '') return name
  throw new ApiError('BadRequest', 'name: say which volume is meant')
}

function addOptions(body: unknown): AddVolumeOptions {
  const { disk, volumeSource } = fieldsOf(body)
  return {
    name: nameOf(body),
    disk: fieldsOf(disk),
    volumeSource: fieldsOf(volumeSource),
  }
}
