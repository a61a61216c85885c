import { isReady, type Node } from '@thresher/api/core/node'
import type { VirtualMachineInstanceMigration } from '@thresher/api/kubevirt/virtual-machine-instance-migration'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { hotUnpluggable } from '@thresher/api/kubevirt/virtual-machine-actions'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { Readable } from 'node:stream'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { ApiError, type Status } from '@thresher/api/error'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { Access } from './access.ts'
import type { FacadeCall } from './context.ts'
import { ejectCdRomVolume, insertCdRomVolume } from './cd-rom-actions.ts'
import { cloneMachine, createTemplate } from './machine-copies.ts'
import { fileOfForm } from './multipart.ts'
import { restoreSnapshot } from './restore-snapshot.ts'

/** Carries out an action that must look at other objects first. @returns what is answered; undefined for nothing */
export type ObjectAction = (call: FacadeCall, object: KubeObject) => Promise<Record<string, unknown> | undefined>

/** Actions beyond those that a kind declares as plain API calls, by schema id and name. */
export const objectActions: Record<string, ObjectAction> = {
  'kubevirt.io.virtualmachine findMigratableNodes': findMigratableNodes,
  'kubevirt.io.virtualmachine abortMigration': abortMigration,
  'kubevirt.io.virtualmachine clone': cloneMachine,
  'kubevirt.io.virtualmachine createTemplate': createTemplate,
  'kubevirt.io.virtualmachine findHotunpluggableNics': (_call, object) =>
    Promise.resolve({ interfaces: hotUnpluggable(object as VirtualMachine) }),
  'kubevirt.io.virtualmachine insertCdRomVolume': insertCdRomVolume,
  'kubevirt.io.virtualmachine ejectCdRomVolume': ejectCdRomVolume,
  'harvesterhci.io.virtualmachineimage upload': uploadImage,
  'snapshot.storage.k8s.io.volumesnapshot restore': restoreSnapshot,
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
      isReady(node) &&
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

/** Take the file of an image from a form; `?size=` is its length. */
async function uploadImage(call: FacadeCall, { metadata }: KubeObject): Promise<undefined> {
  const { request, parts } = call
  const { namespace = '', name = '' } = metadata
  if (!(await new Access(call).mayUpdate(VirtualMachineImage, 'upload', namespace, name)))
    throw new ApiError('Forbidden', `you may not update virtualmachineimages/upload in the namespace ${namespace}`)
  const { stream } = request
  if (!stream) throw new ApiError('BadRequest', 'there is no file in the request')
  const file = Readable.from(fileOfForm(stream, String(request.headers['content-type'] ?? '')), { objectMode: false })
  const size = request.query.get('size')
  const query = new URLSearchParams(size === null ? {} : { size })
  const { status, body } = await parts.uploadImage({
    namespace,
    name,
    method: 'PUT',
    query,
    stream: file,
    signal: request.signal,
  })
  if (status >= 400) throw ApiError.fromStatus(body as Partial<Status>, status)
  return undefined
}
