import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Condition } from '@thresher/api/meta'
import { isTrue } from '@thresher/client/conditions'
import type { SubresourceAnswer, SubresourceCall } from '@thresher/apiserver/subresource'
import { isDryRun, type Operation, type Tools } from './handler.ts'
import { conflict, getInstance } from './machines.ts'

/** What must hold of an instance before its agent is asked; gives what stands against it. */
type Check = (instance: VirtualMachineInstance) => string | undefined

/** An operation on the running guest that its node's agent carries out. */
function guestOperation(
  subresource: string,
  method: 'GET' | 'PUT',
  check: Check = () => undefined,
  path: (call: SubresourceCall) => string = () => subresource,
): Operation {
  return {
    plural: 'virtualmachineinstances',
    subresource,
    methods: [method],
    async handle(call, tools) {
      const instance = await getInstance(tools.client, call)
      const against = notRunning(instance) ?? check(instance)
      if (against) throw conflict('virtualmachineinstance', call.name, against)
      if (isDryRun(call.body)) return { status: 200, body: '' }
      return ask(instance, call.method, path(call), call, tools)
    },
  }
}

/** Ask the agent of the node that an instance runs on. */
export function ask(
  instance: VirtualMachineInstance,
  method: string,
  operation: string,
  call: SubresourceCall,
  { dialer }: Tools,
): Promise<SubresourceAnswer> {
  const node = instance.status?.nodeName
  if (!node) throw conflict('virtualmachineinstance', call.name, 'VMI is not on a node yet')
  const query = call.query.toString()
  const path = `${agentPath(call, operation)}${query ? `?${query}` : ''}`
  return dialer.request(node, method, path, call.body, call.signal)
}

/** Where an agent has an operation on an instance. */
export function agentPath(call: Pick<SubresourceCall, 'namespace' | 'name'>, operation: string): string {
  return `/vmi/${encodeURIComponent(call.namespace)}/${encodeURIComponent(call.name)}/${operation}`
}

/** Why nothing can be asked of the guest. */
export function notRunning(instance: VirtualMachineInstance): string | undefined {
  return instance.status?.phase === 'Running' ? undefined : 'VMI is not running'
}

function has(instance: VirtualMachineInstance, type: string): boolean {
  return isTrue(instance.status?.conditions as Condition[] | undefined, type)
}

const needsAgent: Check = (instance) =>
  has(instance, 'AgentConnected') ? undefined : 'VMI does not have guest agent connected'

/** `PUT …/pause`: hold the guest's processors. */
export const pause = guestOperation('pause', 'PUT', (instance) => {
  if (instance.spec.livenessProbe) return 'Pausing VMIs with LivenessProbe is currently not supported'
  return has(instance, 'Paused') ? 'VMI is already paused' : undefined
})

/** `PUT …/unpause`: let a held guest go on. */
export const unpause = guestOperation('unpause', 'PUT', (instance) =>
  has(instance, 'Paused') ? undefined : 'VMI is not paused',
)

/** `PUT …/softreboot`: ask the guest to reboot. */
export const softreboot = guestOperation('softreboot', 'PUT', (instance) =>
  has(instance, 'Paused') ? 'VMI is paused' : undefined,
)

/** `PUT …/reset`: reset the machine as its button does. */
export const reset = guestOperation('reset', 'PUT')

/** `PUT …/freeze`: hold the guest's file systems still, for a snapshot. */
export const freeze = guestOperation('freeze', 'PUT', needsAgent)

/** `PUT …/unfreeze`: let the guest's file systems go on. */
export const unfreeze = guestOperation('unfreeze', 'PUT', needsAgent)

/** `GET …/guestosinfo`: what the guest agent tells of the guest. */
export const guestOsInfo = guestOperation('guestosinfo', 'GET', needsAgent)

/** `GET …/userlist`: who is logged in. */
export const userList = guestOperation('userlist', 'GET', needsAgent)

/** `GET …/filesystemlist`: the guest's mounted file systems. */
export const filesystemList = guestOperation('filesystemlist', 'GET', needsAgent)

/** `PUT …/sendkeys`: press keys at the guest's keyboard, `{text: "…"}` or `{keys: [["ctrl", "alt", "delete"]]}`. */
export const sendKeys = guestOperation('sendkeys', 'PUT', (instance) =>
  has(instance, 'Paused') ? 'VMI is paused' : undefined,
)
