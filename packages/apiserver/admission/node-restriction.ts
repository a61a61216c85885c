import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '@thresher/api/meta'
import type { AdmissionRequest, AdmissionStep } from '../admission.ts'
import { isOwn } from '../auth/node/node-authorizer.ts'
import type { NodeGraph } from '../auth/node/node-graph.ts'
import { nodeOf } from '../auth/node/node-identity.ts'
import type { Objects } from '../auth/objects.ts'
import { restrictNodeVolumes } from './node-volumes.ts'
import { refuse } from './refuse.ts'

type Loose = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> }

/** Kinds whose objects belong to nodes one by one. */
const judged = new Set([
  '/pods',
  '/persistentvolumes',
  '/persistentvolumeclaims',
  'kubevirt.io/virtualmachineinstances',
  'harvesterhci.io/virtualmachineimages',
  'snapshot.storage.k8s.io/volumesnapshotcontents',
  'backup.thresher.io/backupjobs',
])

/** Labels that say where a machine is and what may run there: an administrator's, or set by the node at its first registration. */
const protectedLabel = /(^|\.)node-restriction\.kubernetes\.io\/|^node-role\.kubernetes\.io\//

/**
 * Judges what a node writes: the object it may touch must stay what it is, and on creation be its own.
 *
 * The node authorizer has allowed the request by the object's name; here the body counts.
 */
export function nodeRestriction(graph: NodeGraph, objects: () => Objects): AdmissionStep {
  return {
    name: 'NodeRestriction',
    validate(request) {
      const node = nodeOf(request.user)
      if (node === undefined) return
      const { group, plural } = request.kind
      if (request.oldObject && judged.has(`${group}/${plural}`) && !isOwn(graph, node, plural, request.oldObject))
        throw refuse(request, `node ${JSON.stringify(node)} has nothing to do with it`)
      rules[`${group}/${plural}`]?.(request, node)
      if (group === '' && plural === 'persistentvolumes') restrictNodeVolumes(request, node, graph, objects)
    },
  }
}

const rules: { [type: string]: ((request: AdmissionRequest, node: string) => void) | undefined } = {
  '/nodes': (request, node) => {
    if (request.name !== node)
      throw refuse(
        request,
        `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(request.name)}`,
      )
    const labels = (object: KubeObject | undefined) =>
      Object.fromEntries(Object.entries(object?.metadata.labels ?? {}).filter(([key]) => protectedLabel.test(key)))
    if (request.object && !isDeepStrictEqual(labels(request.object), labels(request.oldObject)))
      throw refuse(
        request,
        `is not allowed to modify labels: ${Object.keys({ ...labels(request.object), ...labels(request.oldObject) }).join(', ')}`,
      )
    const taints = (object: KubeObject | undefined) => (object as Loose | undefined)?.spec?.taints ?? []
    if (request.operation === 'UPDATE' && !isDeepStrictEqual(taints(request.object), taints(request.oldObject)))
      throw refuse(request, `node ${JSON.stringify(node)} is not allowed to modify taints`)
    keepOwners(request, node)
  },
  'coordination.k8s.io/leases': (request, node) => {
    if (request.namespace !== 'kube-node-lease' || request.name !== node)
      throw refuse(request, `node ${JSON.stringify(node)} can only access its own lease, kube-node-lease/${node}`)
  },
  'storage.k8s.io/csinodes': (request, node) => {
    if (request.name !== node) throw refuse(request, `node ${JSON.stringify(node)} can only access its own CSINode`)
  },
  'storage.k8s.io/csistoragecapacities': (request, node) => {
    for (const object of [request.object, request.oldObject]) {
      const topology = (object as { nodeTopology?: unknown } | undefined)?.nodeTopology
      if (object && !isDeepStrictEqual(topology, { matchLabels: { 'kubernetes.io/hostname': node } }))
        throw refuse(request, `node ${JSON.stringify(node)} can only report its own room (nodeTopology)`)
    }
  },
  '/pods': (request, node) => {
    if (request.operation === 'CREATE' && request.subresource === '')
      throw refuse(request, `node ${JSON.stringify(node)} is not allowed to create pods`)
    reportOnly(request, node)
  },
  'kubevirt.io/virtualmachineinstances': (request, node) => {
    if (request.operation !== 'UPDATE') return
    reportOnly(request, node)
    const where = (object: KubeObject | undefined) => (object as Loose | undefined)?.status?.nodeName
    if (
      where(request.oldObject) !== undefined &&
      where(request.object) !== where(request.oldObject) &&
      !isMigrating(request.oldObject)
    )
      throw refuse(request, `node ${JSON.stringify(node)} is not allowed to move a machine to another node`)
  },
  '/persistentvolumeclaims': reportOnly,
  'harvesterhci.io/virtualmachineimages': reportOnly,
  'snapshot.storage.k8s.io/volumesnapshotcontents': reportOnly,
  'backup.thresher.io/backupjobs': reportOnly,
  '/serviceaccounts': (request, node) => {
    if (request.subresource !== 'token')
      throw refuse(request, `node ${JSON.stringify(node)} is not allowed to modify service accounts`)
  },
}

/** A node reports on an object, and changes nothing else of it. */
function reportOnly(request: AdmissionRequest, node: string): void {
  keepSpec(request, node)
  keepMetadata(request, node)
}

function keepSpec(request: AdmissionRequest, node: string): void {
  if (request.operation !== 'UPDATE') return
  if (!isDeepStrictEqual((request.object as Loose | undefined)?.spec, (request.oldObject as Loose | undefined)?.spec))
    throw refuse(request, `node ${JSON.stringify(node)} may report on it but not change what it is asked to be (spec)`)
}

/**
 * Labels and annotations say where an object belongs, which selectors find it and what controllers do with it: they are for its
 * author and the controllers to write. A node reports in the status.
 */
function keepMetadata(request: AdmissionRequest, node: string): void {
  if (request.operation !== 'UPDATE') return
  for (const field of ['labels', 'annotations'] as const) {
    const [is, was] = [request.object?.metadata[field] ?? {}, request.oldObject?.metadata[field] ?? {}]
    if (!isDeepStrictEqual(is, was))
      throw refuse(request, `node ${JSON.stringify(node)} is not allowed to change ${field}`)
  }
  keepOwners(request, node)
}

/** Who owns an object decides what is deleted with it. */
function keepOwners(request: AdmissionRequest, node: string): void {
  if (request.operation !== 'UPDATE') return
  const owners = (object: KubeObject | undefined) => object?.metadata.ownerReferences ?? []
  if (!isDeepStrictEqual(owners(request.object), owners(request.oldObject)))
    throw refuse(request, `node ${JSON.stringify(node)} is not allowed to change owner references`)
}

function isMigrating(object: KubeObject | undefined): boolean {
  return (object as Loose | undefined)?.status?.migrationState !== undefined
}
