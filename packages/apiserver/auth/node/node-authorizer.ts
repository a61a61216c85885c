import type { KubeObject } from '@thresher/api/meta'
import type { Attributes, Authorizer, Decision } from '../../user.ts'
import type { Objects } from '../objects.ts'
import type { NodeGraph } from './node-graph.ts'
import { nodeOf } from './node-identity.ts'

/** The annotation by which the scheduler chooses the node of a claim. */
export const selectedNode = 'volume.kubernetes.io/selected-node'
/** The annotation by which an image's import is given to a node. */
export const importNode = 'thresher.io/import-node'

/** The annotation by which a snapshot is given to a node. */
export const snapshotNode = 'thresher.io/snapshot-node'

/** The settings that say where a node may fetch from, how much of its disk may be promised, and where it brings backups. */
const nodeSettings = new Set(['outbound-ranges', 'overcommit-config', 'backup-target'])
/** With it a node encrypts the backups of its machines: `namespace/name`. */
const backupKey = 'harvester-system/backup-repository-key'

const read = new Set(['get', 'list', 'watch'])
const change = new Set(['update', 'patch'])
const readOrChange = new Set([...read, ...change])

/** What all nodes may read in full: it tells of the cluster's shape, not of anyone's secrets. */
const readable = new Set([
  '/nodes',
  '/services',
  '/persistentvolumes',
  '/persistentvolumeclaims',
  '/namespaces',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/volumeattachments',
  'snapshot.storage.k8s.io/volumesnapshots',
  'snapshot.storage.k8s.io/volumesnapshotclasses',
  'snapshot.storage.k8s.io/volumesnapshotcontents',
  'discovery.k8s.io/endpointslices',
  'node.k8s.io/runtimeclasses',
  'harvesterhci.io/virtualmachineimages',
  // Public keys, which a node puts into the guests it starts.
  'harvesterhci.io/keypairs',
  'kubevirt.io/virtualmachineinstancemigrations',
  'k8s.cni.cncf.io/network-attachment-definitions',
  'network.harvesterhci.io/clusternetworks',
  'network.harvesterhci.io/vlanconfigs',
])

/** Workloads, of which a node may list and watch its own: those that this field, or one of these labels, selects. */
const ownWorkloads: { [type: string]: { field: string; labels: readonly string[] } | undefined } = {
  '/pods': { field: 'spec.nodeName', labels: [] },
  'backup.thresher.io/backupjobs': { field: '', labels: ['thresher.io/node'] },
  'kubevirt.io/virtualmachineinstances': {
    field: 'status.nodeName',
    labels: ['kubevirt.io/nodeName', 'kubevirt.io/migrationTargetNodeName'],
  },
}

/**
 * Lets a node touch what it runs, and nothing else.
 *
 * Whose node an object is, is judged by the object as it stands; {@link NodeRestriction} judges what the node writes.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #graph: NodeGraph
  readonly #objects: () => Objects

  constructor(graph: NodeGraph, objects: () => Objects) {
    this.#graph = graph
    this.#objects = objects
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeOf(attributes.user)
    if (node === undefined || !attributes.resourceRequest) return { verdict: 'no-opinion' }
    return this.#allows(node, attributes)
      ? { verdict: 'allow' }
      : { verdict: 'no-opinion', reason: `node ${JSON.stringify(node)} has nothing to do with it` }
  }

  #allows(node: string, attributes: Attributes): boolean {
    const { verb, group, resource, subresource, namespace, name } = attributes
    const type = `${group}/${resource}`
    const main = subresource === ''
    const mainOrStatus = main || subresource === 'status'
    if (read.has(verb) && mainOrStatus && readable.has(type)) return true
    switch (type) {
      case '/nodes':
        // On creation the name is in the body: the restriction on writes compares it.
        return mainOrStatus && ((verb === 'create' && main) || (change.has(verb) && name === node))
      case 'coordination.k8s.io/leases':
        return (
          main && namespace === 'kube-node-lease' && (verb === 'create' || (readOrChange.has(verb) && name === node))
        )
      case 'certificates.k8s.io/certificatesigningrequests':
        return main && (verb === 'create' || verb === 'get')
      case 'storage.k8s.io/csinodes':
        return main && (verb === 'create' || (readOrChange.has(verb) && name === node))
      case 'storage.k8s.io/csistoragecapacities':
        // Whose it is says its topology, at which the restriction on writes looks.
        return main && namespace === 'kube-system' && (verb === 'create' || readOrChange.has(verb))
      case '/events':
      case 'events.k8s.io/events':
        return main && (verb === 'create' || change.has(verb))
      case '/pods':
      case 'backup.thresher.io/backupjobs':
      case 'kubevirt.io/virtualmachineinstances':
        return this.#allowsWorkload(node, attributes, type)
      case '/secrets':
      case '/configmaps':
        if (main && verb === 'get' && resource === 'secrets' && `${namespace}/${name}` === backupKey) return true
        return main && verb === 'get' && this.#graph.needs(node, resource, namespace, name)
      case '/serviceaccounts':
        return verb === 'create' && subresource === 'token'
      case '/persistentvolumeclaims':
        return mainOrStatus && change.has(verb) && this.#isOwnOrGone(node, attributes)
      case '/persistentvolumes':
        if (verb === 'create') return main
        return (change.has(verb) ? mainOrStatus : verb === 'delete' && main) && this.#isOwnOrGone(node, attributes)
      case 'kubevirt.io/virtualmachines':
        // Only whether it exists: what is kept for one on the node goes with it. What exists is refused, what is gone is not found.
        return main && verb === 'get' && !this.#get(attributes)
      case 'harvesterhci.io/settings':
        // Others hold credentials.
        return main && verb === 'get' && nodeSettings.has(name)
      case 'snapshot.storage.k8s.io/volumesnapshotcontents':
      case 'harvesterhci.io/virtualmachineimages':
        // Any node may be the one on which a volume is made of it.
        if (subresource === 'download') return verb === 'get'
        return mainOrStatus && change.has(verb) && this.#isOwnOrGone(node, attributes)
      default:
        return false
    }
  }

  #allowsWorkload(node: string, attributes: Attributes, type: string): boolean {
    const { verb, subresource, name } = attributes
    if (name === '') {
      const own = ownWorkloads[type]
      if (!own || subresource !== '' || (verb !== 'list' && verb !== 'watch')) return false
      const { fieldSelector, labelSelector = '' } = attributes
      if (own.field !== '' && (fieldSelector === undefined || selectsOnly(fieldSelector, own.field, node))) return true
      return own.labels.some((label) => selectsOnly(labelSelector, label, node))
    }
    if (!this.#isOwnOrGone(node, attributes)) return false
    if (subresource === '' || subresource === 'status')
      return readOrChange.has(verb) || (verb === 'delete' && type === '/pods' && subresource === '')
    return type === '/pods' && subresource === 'eviction' && verb === 'create'
  }

  /** What is gone is answered with NotFound; should it come back in this moment, {@link NodeRestriction} still looks at it. */
  #isOwnOrGone(node: string, attributes: Attributes): boolean {
    const object = this.#get(attributes)
    return !object || isOwn(this.#graph, node, attributes.resource, object)
  }

  #get({ group, resource, namespace, name }: Attributes): KubeObject | undefined {
    return this.#objects().get({ group, plural: resource }, namespace, name)
  }
}

/** Whether an object is the node's own: what runs there, is needed by it, was given to it or exists on it alone. */
export function isOwn(graph: NodeGraph, node: string, plural: string, object: KubeObject): boolean {
  const { namespace = '', name = '', annotations } = object.metadata
  switch (plural) {
    case 'persistentvolumes':
      return isLocalVolume(object, node)
    case 'persistentvolumeclaims':
      return graph.needs(node, plural, namespace, name) || annotations?.[selectedNode] === node
    case 'virtualmachineimages':
      return annotations?.[importNode] === node
    case 'backupjobs':
      return (object as { spec?: { node?: string } }).spec?.node === node
    case 'volumesnapshotcontents':
      return annotations?.[snapshotNode] === node
    default:
      return graph.concerns(node, plural, object)
  }
}

/** Whether a field selector lets through only objects whose `field` is this node. All of its terms must hold, so one is enough. */
/** Whether one of a selector's terms, all of which must hold, names the node. A set of values is not looked into. */
function selectsOnly(selector: string, field: string, node: string): boolean {
  if (selector.includes('(')) return false
  return selector.split(',').some((term) => term === `${field}=${node}` || term === `${field}==${node}`)
}

interface VolumeAffinity {
  spec?: {
    nodeAffinity?: {
      required?: {
        nodeSelectorTerms?: {
          matchExpressions?: { key: string; operator: string; values?: string[] }[]
          matchFields?: unknown[]
        }[]
      }
    }
  }
}

/** Whether a volume can be used on this node alone. */
export function isLocalVolume(volume: KubeObject | undefined, node: string): boolean {
  const terms = (volume as VolumeAffinity | undefined)?.spec?.nodeAffinity?.required?.nodeSelectorTerms
  if (!terms?.length) return false
  return terms.every((term) =>
    (term.matchExpressions ?? []).some(
      ({ key, operator, values }) =>
        key === 'kubernetes.io/hostname' && operator === 'In' && values?.length === 1 && values[0] === node,
    ),
  )
}
