import { ApiError, isReason } from '@thresher/api/error'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VirtualMachineStatus } from '@thresher/api/kubevirt/virtual-machine-status'
import type { Client } from '@thresher/client/client'
import type { SubresourceCall } from '@thresher/apiserver/subresource'

type Requests = NonNullable<VirtualMachineStatus['stateChangeRequests']>

/** A write that another overtook is tried this often. */
const tries = 5

/** The machine a call is about. @throws {ApiError} NotFound in KubeVirt's words */
export function getMachine(client: Client, call: SubresourceCall): Promise<VirtualMachine> {
  return named(client.resource(VirtualMachine).get(call.name, call.namespace), 'virtualmachine', call.name)
}

/** The instance a call is about. @throws {ApiError} NotFound in KubeVirt's words */
export function getInstance(client: Client, call: SubresourceCall): Promise<VirtualMachineInstance> {
  return named(
    client.resource(VirtualMachineInstance).get(call.name, call.namespace),
    'virtualmachineinstance',
    call.name,
  )
}

/** The instance of a machine that may have none. */
export async function findInstance(client: Client, call: SubresourceCall): Promise<VirtualMachineInstance | undefined> {
  try {
    return await client.resource(VirtualMachineInstance).get(call.name, call.namespace)
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}

async function named<T>(found: Promise<T>, kind: string, name: string): Promise<T> {
  try {
    return await found
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    throw new ApiError('NotFound', `${kind}.kubevirt.io "${name}" not found`, {
      details: { name, group: 'kubevirt.io', kind },
    })
  }
}

/** What stands against an operation now, in the form in which virtctl prints it. */
export function conflict(kind: 'virtualmachine' | 'virtualmachineinstance', name: string, why: string): ApiError {
  return new ApiError('Conflict', `Operation cannot be fulfilled on ${kind}.kubevirt.io "${name}": ${why}`, {
    details: { name, group: 'kubevirt.io', kind },
  })
}

/** Whether a guest runs, or is about to. */
export function isAlive(instance: VirtualMachineInstance | undefined): instance is VirtualMachineInstance {
  const phase = instance?.status?.phase
  return instance !== undefined && phase !== 'Succeeded' && phase !== 'Failed'
}

/** Put requests in a machine's status, for its controller to carry out. */
export async function request(client: Client, call: SubresourceCall, requests: Requests): Promise<void> {
  for (let left = tries; ; left--) {
    const machine = await getMachine(client, call)
    const status = { ...machine.status, stateChangeRequests: requests.length > 0 ? requests : undefined }
    try {
      await client.resource(VirtualMachine).updateStatus({ ...machine, status })
      return
    } catch (error) {
      if (left <= 1 || !isReason(error, 'Conflict')) throw error
    }
  }
}

/** Change when a machine runs, by the field it uses; what it was is kept for the next start. */
export async function setRunStrategy(
  client: Client,
  machine: VirtualMachine,
  runStrategy: string,
  annotations?: Record<string, string>,
): Promise<void> {
  const { name = '', namespace } = machine.metadata
  const older = machine.spec.runStrategy === undefined
  const spec = older ? { running: runStrategy !== 'Halted' } : { runStrategy }
  await client
    .resource(VirtualMachine)
    .patch(name, namespace, { ...(annotations ? { metadata: { annotations } } : {}), spec })
}

/** Let a stop take at most this many seconds; 0 kills the guest. */
export async function limitGrace(client: Client, instance: VirtualMachineInstance, seconds: unknown): Promise<void> {
  if (typeof seconds !== 'number') return
  if (!Number.isInteger(seconds) || seconds < 0)
    throw new ApiError('BadRequest', `the grace period must be a whole number of seconds, not ${seconds}`)
  if (instance.spec.terminationGracePeriodSeconds === seconds) return
  const { name = '', namespace } = instance.metadata
  await client
    .resource(VirtualMachineInstance)
    .patch(name, namespace, { spec: { terminationGracePeriodSeconds: seconds } })
}
