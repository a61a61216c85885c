import type { KubeObject } from '@thresher/api/meta'
import type { Objects, ResourceType } from '../objects.ts'
import { referencesOf, type References } from './references.ts'

/** A kind whose objects run on a node. */
export interface NodeWorkload extends ResourceType {
  /** The nodes that the object has to do with now. */
  nodesOf(object: KubeObject): string[]
}

const pods: NodeWorkload = {
  group: '',
  plural: 'pods',
  nodesOf: (object) => named((object as { spec?: { nodeName?: string } }).spec?.nodeName),
}

/** During a migration a machine belongs to its source and to its target. */
const machines: NodeWorkload = {
  group: 'kubevirt.io',
  plural: 'virtualmachineinstances',
  nodesOf: (object) => {
    const { nodeName, migrationState } =
      (object as { status?: { nodeName?: string; migrationState?: { sourceNode?: string; targetNode?: string } } })
        .status ?? {}
    return named(nodeName, migrationState?.sourceNode, migrationState?.targetNode)
  },
}

const workloads: NodeWorkload[] = [pods, machines]

interface Held {
  nodes: string[]
  references: References
  owners: string[]
}

/**
 * Which node needs what: kept current from pods and machines, so that each question is a look into a map.
 */
export class NodeGraph {
  /** By kind and key of the workload. */
  readonly #held = new Map<string, Held>()
  /** By node: how many workloads there need this object, by `plural/namespace/name`. */
  readonly #needed = new Map<string, Map<string, number>>()

  /** @returns a function that stops it */
  follow(objects: Objects): () => void {
    const stops = workloads.map((workload) =>
      objects.follow(workload, (change) => this.put(workload, change.namespace, change.name, change.object)),
    )
    return () => stops.forEach((stop) => stop())
  }

  put(workload: NodeWorkload, namespace: string, name: string, object: KubeObject | undefined): void {
    const key = keyOf(workload.plural, namespace, name)
    const previous = this.#held.get(key)
    const nodes = object ? workload.nodesOf(object) : []
    const next =
      object && nodes.length > 0 ? { nodes, references: referencesOf(object), owners: ownersOf(object) } : undefined
    if (next) this.#held.set(key, next)
    else this.#held.delete(key)
    if (next) this.#count(next, key, namespace, 1)
    if (previous) this.#count(previous, key, namespace, -1)
  }

  /** Whether something on the node is this object or needs it. */
  needs(node: string, plural: string, namespace: string, name: string): boolean {
    return (this.#needed.get(node)?.get(keyOf(plural, namespace, name)) ?? 0) > 0
  }

  /** Whether this pod or machine is the node's: it runs there, or a pod there runs for it. */
  concerns(node: string, plural: string, object: KubeObject): boolean {
    const { namespace = '', name = '', uid = '' } = object.metadata
    if (this.needs(node, plural, namespace, name)) return true
    return (this.#needed.get(node)?.get(`owner/${namespace}/${uid}`) ?? 0) > 0
  }

  #count({ nodes, references, owners }: Held, key: string, namespace: string, by: number): void {
    const keys = [
      key,
      ...owners.map((uid) => `owner/${namespace}/${uid}`),
      ...(['secrets', 'configmaps', 'persistentvolumeclaims'] as const).flatMap((plural) =>
        [...references[plural]].map((name) => keyOf(plural, namespace, name)),
      ),
    ]
    for (const node of nodes) {
      let needed = this.#needed.get(node)
      if (!needed) this.#needed.set(node, (needed = new Map()))
      for (const entry of keys) {
        const count = (needed.get(entry) ?? 0) + by
        if (count > 0) needed.set(entry, count)
        else needed.delete(entry)
      }
      if (needed.size === 0) this.#needed.delete(node)
    }
  }
}

const keyOf = (plural: string, namespace: string, name: string): string => `${plural}/${namespace}/${name}`
const named = (...nodes: (string | undefined)[]): string[] => [
  ...new Set(nodes.filter((node): node is string => Boolean(node))),
]

function ownersOf(object: KubeObject): string[] {
  return (object.metadata.ownerReferences ?? []).filter((owner) => owner.controller).map((owner) => owner.uid)
}
