import type { Node } from '@thresher/api/core/node'
import type { VirtualMachineInstanceMigration } from '@thresher/api/kubevirt/virtual-machine-instance-migration'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { ApiError } from '@thresher/api/error'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import type { FacadeCall } from './context.ts'

/** Carries out an action that must look at other objects first. @returns what is answered; undefined for nothing */
type ObjectAction = (call: FacadeCall, object: KubeObject) => Promise<Record<string, unknown> | undefined>

/** Actions beyond those that a kind declares as plain API calls, by schema id and name. */
export const objectActions: Record<string, ObjectAction> = {
  'kubevirt.io.virtualmachine findMigratableNodes': findMigratableNodes,
  'kubevirt.io.virtualmachine abortMigration': abortMigration,
}

const instances = (namespace: string) => `/apis/kubevirt.io/v1/namespaces/${encodeURIComponent(namespace)}`

/** The nodes that a running machine could move to: ready, open for pods, with the labels it asks for, and not where it is. */
async function findMigratableNodes(call: FacadeCall, { metadata }: KubeObject): Promise<Record<string, unknown>> {
  const path = `${instances(metadata.namespace ?? '')}/virtualmachineinstances/${metadata.name}`
  const instance = await call.api.request<VirtualMachineInstance>({ method: 'GET', path })
  const { items } = await call.api.request<KubeList<Node>>({ method: 'GET', path: '/api/v1/nodes' })
  const wanted = Object.entries(instance.spec.nodeSelector ?? {})
  const nodes = items.filter(
    (node) =>
      node.metadata.name !== instance.status?.nodeName &&
      !node.spec?.unschedulable &&
      node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') &&
      wanted.every(([label, value]) => node.metadata.labels?.[label] === value),
  )
  return { nodes: nodes.map((node) => node.metadata.name) }
}

/** End the moves of a machine that are still under way. */
async function abortMigration(call: FacadeCall, { metadata }: KubeObject): Promise<undefined> {
  const path = `${instances(metadata.namespace ?? '')}/virtualmachineinstancemigrations`
  const { items } = await call.api.request<KubeList<VirtualMachineInstanceMigration>>({ method: 'GET', path })
  const running = items.filter(
    ({ spec, status }) => spec.vmiName === metadata.name && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  )
  if (running.length === 0)
    throw new ApiError('Conflict', `the virtual machine ${metadata.name} is not moving; there is nothing to abort`)
  for (const migration of running)
    await call.api.request({ method: 'DELETE', path: `${path}/${encodeURIComponent(migration.metadata.name ?? '')}` })
  return undefined
}
