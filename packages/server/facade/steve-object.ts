import { Pod } from '@thresher/api/core/pod'
import type { Kind } from '@thresher/api/kind'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { KubeObject } from '@thresher/api/meta'
import { toTable } from '@thresher/apiserver/table/table'
import type { Access } from './access.ts'
import type { FacadeCall } from './context.ts'
import { kubernetesPath, pluralName, schemaId } from './schema-names.ts'
import { stateOf } from './state.ts'

/** Top-level names that this API takes for itself; an object's own fields of these names get a `_` in front. */
const taken = ['id', 'type', 'links', 'actions']

/** An object as this API shows it. */
export type SteveObject = Record<string, unknown> & { id: string; type: string }

/** The id of an object: `namespace/name`, or `name`. */
function objectId(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata
  return namespace ? `${namespace}/${name}` : name
}

/** Objects of one kind as this API shows them, in the same order. */
export async function toSteve(
  call: FacadeCall,
  kind: Kind,
  objects: KubeObject[],
  access: Access,
): Promise<SteveObject[]> {
  const table = toTable(kind, objects)
  return Promise.all(
    objects.map(async (object, index): Promise<SteveObject> => {
      const namespace = object.metadata.namespace ?? ''
      const id = objectId(object)
      const self = `${call.base}/${pluralName(kind)}/${id}`
      const [update, remove] = await Promise.all([
        access.may('update', kind, namespace),
        access.may('delete', kind, namespace),
      ])
      const actions = update ? offeredActions(kind, object, self) : undefined
      return {
        id,
        type: schemaId(kind),
        links: {
          self,
          view: call.origin + kubernetesPath(kind, namespace, object.metadata.name),
          ...(update ? { update: self, patch: self } : {}),
          ...(remove ? { remove: self } : {}),
        },
        ...(actions ? { actions } : {}),
        ...ownFields(kind, object),
        metadata: {
          ...object.metadata,
          fields: table.rows[index]?.cells ?? [],
          relationships: [...relationships(object), ...podsOf(call, kind, object)],
          state: stateOf(object),
        },
      }
    }),
  )
}

/** The actions that are offered for an object now, with their addresses; undefined for kinds without actions. */
function offeredActions(kind: Kind, object: KubeObject, self: string): Record<string, string> | undefined {
  if (!kind.actions) return undefined
  const offered = kind.actions.filter((action) => !action.notBuilt && (action.offered?.(object as never) ?? true))
  return Object.fromEntries(offered.map(({ name }) => [name, `${self}?action=${name}`]))
}

function ownFields(kind: Kind, object: KubeObject): Record<string, unknown> {
  const fields: Record<string, unknown> = { apiVersion: kind.apiVersion, kind: kind.kind }
  for (const [name, value] of Object.entries(object)) fields[taken.includes(name) ? `_${name}` : name] = value
  return fields
}

function relationships({ metadata }: KubeObject): Record<string, unknown>[] {
  return (metadata.ownerReferences ?? []).map((owner) => {
    const group = owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0] : ''
    return {
      fromId: metadata.namespace ? `${metadata.namespace}/${owner.name}` : owner.name,
      fromType: schemaId({ group: group ?? '', kind: owner.kind }),
      rel: 'owner',
      state: 'active',
    }
  })
}

/** The pods of an instance, by which clients find its launcher; other kinds' dependents nobody asks for. */
function podsOf({ parts }: FacadeCall, kind: Kind, { metadata }: KubeObject): Record<string, unknown>[] {
  if (kind.group !== VirtualMachineInstance.group || kind.plural !== VirtualMachineInstance.plural) return []
  const pods = parts.server().objects.list<Pod>(Pod, metadata.namespace)
  return [...pods]
    .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
    .map((pod) => ({
      toId: `${metadata.namespace}/${pod.metadata.name}`,
      toType: 'pod',
      rel: 'owner',
      state: stateOf({ kind: 'Pod', ...pod }).name,
    }))
}

/** The Kubernetes object in what a client sends, which may be what it got from here before. */
export function fromSteve(kind: Kind, sent: Record<string, unknown>): KubeObject {
  const object: Record<string, unknown> = {}
  const hasOwnType = kind.schema.properties?.type !== undefined
  for (const [name, value] of Object.entries(sent)) {
    if (name.startsWith('_') && taken.includes(name.slice(1))) object[name.slice(1)] = value
    else if (!taken.includes(name)) object[name] = value
    else if (name === 'type' && hasOwnType && !isName(kind, value) && !('_type' in sent)) object.type = value
  }
  const metadata = { ...(typeof sent.metadata === 'object' ? sent.metadata : {}) } as Record<string, unknown>
  for (const name of ['fields', 'relationships', 'state']) delete metadata[name]
  return { ...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata: metadata as KubeObject['metadata'] }
}

function isName(kind: Kind, value: unknown): boolean {
  return value === schemaId(kind) || value === pluralName(kind)
}
