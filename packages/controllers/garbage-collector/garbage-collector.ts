import { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import { isReason } from '@thresher/api/error'
import type { KubeObject, OwnerReference } from '@thresher/api/meta'
import { watch, type Context, type Controller, type Queue } from '@thresher/client/controller'
import { discoverKinds, type ServedKind } from '@thresher/client/discovery'
import type { Change } from '@thresher/client/informer'
import { groupOf } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { waitsFor, type Blocker } from './cycles.ts'
import { isForeground, isOrphaning, judge, type OwnerState } from './owners.ts'

/** Looks for new kinds; all other keys are `group/version/plural namespace/name`. */
const discovery = '!discovery'

/** Kinds that come in thousands, own nothing and are owned by nothing. */
const ignored = new Set(['/events', 'events.k8s.io/events'])

/** What a garbage collector knows of the kinds it watches. */
interface Collector {
  /** By `group/version/plural`. */
  kinds: Map<string, ServedKind>
  /** Those of them that no other controller watches. */
  own: Set<string>
  context: Context
  queue: Queue
}

/**
 * Deletes what has lost its owners, and carries out foreground deletion and orphaning.
 *
 * It watches all kinds that can be watched, those defined at run time too. Before anything is deleted because its owner is not to be
 * seen, the server itself is asked for the owner.
 */
export function garbageCollector(): Controller {
  const kinds = new Map<string, ServedKind>()
  const own = new Set<string>()
  return {
    name: 'garbage-collector',
    subject: {
      of(key) {
        const [id = '', objectKey = ''] = key.split(' ')
        const kind = kinds.get(id)
        return kind && { kind, key: objectKey }
      },
    },
    workers: 8,
    keys: [discovery],
    watches: [watch(CustomResourceDefinition, () => [discovery])],
    async reconcile(key, context, queue) {
      const collector = { kinds, own, context, queue }
      if (key === discovery) return discover(collector)
      const space = key.indexOf(' ')
      const kind = kinds.get(key.slice(0, space))
      const object = kind && context.informers.of<KubeObject>(kind).get(key.slice(space + 1))
      if (kind && object) await collect(kind, object, collector)
    },
  }
}

function idOf(kind: ServedKind): string {
  return `${kind.group}/${kind.version}/${kind.plural}`
}

async function discover(collector: Collector): Promise<void> {
  const { kinds, own, context, queue } = collector
  const served = (await discoverKinds(context.client.transport, context.signal)).filter(
    ({ verbs, group, plural }) =>
      verbs.includes('list') &&
      verbs.includes('watch') &&
      verbs.includes('delete') &&
      !ignored.has(`${group}/${plural}`),
  )
  const ids = new Set(served.map(idOf))
  for (const [id, kind] of kinds)
    if (!ids.has(id)) {
      kinds.delete(id)
      if (own.delete(id)) context.informers.forget(kind)
    }
  const added = served.filter((kind) => !kinds.has(idOf(kind)))
  for (const kind of added) {
    if (!context.informers.has(kind)) own.add(idOf(kind))
    const informer = context.informers.of<KubeObject>(kind)
    informer.addIndex('owner', (object) => (object.metadata.ownerReferences ?? []).map(({ uid }) => uid))
    informer.onChange((change) => {
      if (kinds.has(idOf(kind))) notice(kind, change, collector)
    })
    kinds.set(idOf(kind), kind)
  }
  // Not waited for: a kind may go away before its first list, and each object is noticed when it comes.
  for (const kind of added) context.informers.startOne(kind).catch(() => {})
  // Those that were held before we looked, by informers of other controllers.
  for (const kind of added)
    for (const object of context.informers.of<KubeObject>(kind).list())
      if (concerns(object)) queue.add(`${idOf(kind)} ${keyOf(object)}`)
}

function concerns(object: KubeObject): boolean {
  return (object.metadata.ownerReferences?.length ?? 0) > 0 || isForeground(object) || isOrphaning(object)
}

/** Put into the queue what a change may concern: the object, its dependents, an owner that waits for it. */
function notice(kind: ServedKind, { type, object, previous }: Change<KubeObject>, collector: Collector): void {
  const { queue } = collector
  const { uid = '', ownerReferences = [] } = object.metadata
  if (type === 'deleted') {
    for (const dependent of dependentsOf(uid, collector)) queue.add(dependent.key)
    for (const owner of ownerReferences) {
      const key = ownerKey(object, owner, collector)
      if (key) queue.add(key)
    }
    return
  }
  const same = previous && sameOwners(previous, object)
  if (isForeground(object) || isOrphaning(object)) {
    if (!previous || !(isForeground(previous) || isOrphaning(previous))) queue.add(`${idOf(kind)} ${keyOf(object)}`)
    for (const dependent of dependentsOf(uid, collector)) queue.add(dependent.key)
  } else if (ownerReferences.length > 0 && !same) queue.add(`${idOf(kind)} ${keyOf(object)}`)
}

function sameOwners(a: KubeObject, b: KubeObject): boolean {
  const uids = ({ metadata }: KubeObject): string => (metadata.ownerReferences ?? []).map(({ uid }) => uid).join()
  return uids(a) === uids(b)
}

interface Dependent {
  kind: ServedKind
  object: KubeObject
  key: string
}

function dependentsOf(uid: string, { kinds, context }: Collector): Dependent[] {
  return [...kinds.values()].flatMap((kind) =>
    context.informers
      .of<KubeObject>(kind)
      .byIndex('owner', uid)
      .map((object) => ({ kind, object, key: `${idOf(kind)} ${keyOf(object)}` })),
  )
}

/** The dependents that an object deleted in the foreground waits for. */
function blockersOf(owner: string, collector: Collector): (Blocker & { dependent: Dependent })[] {
  return dependentsOf(owner, collector)
    .filter(({ object }) => object.metadata.ownerReferences?.some((ref) => ref.uid === owner && ref.blockOwnerDeletion))
    .map((dependent) => ({
      uid: dependent.object.metadata.uid ?? '',
      foreground: isForeground(dependent.object),
      dependent,
    }))
}

function kindOf(owner: OwnerReference, { kinds }: Collector): ServedKind | undefined {
  const group = groupOf(owner.apiVersion)
  for (const kind of kinds.values()) if (kind.group === group && kind.kind === owner.kind) return kind
  return undefined
}

function ownerKey(object: KubeObject, owner: OwnerReference, collector: Collector): string | undefined {
  const kind = kindOf(owner, collector)
  if (!kind) return undefined
  return `${idOf(kind)} ${kind.namespaced ? `${object.metadata.namespace}/` : ''}${owner.name}`
}

async function collect(kind: ServedKind, object: KubeObject, collector: Collector): Promise<void> {
  const resource = collector.context.client.resource<KubeObject>(kind)
  if (isOrphaning(object)) {
    const { uid = '' } = object.metadata
    await Promise.all(dependentsOf(uid, collector).map((dependent) => disown(dependent, [uid], collector)))
    return dropFinalizer(kind, object, 'orphan', collector)
  }
  if (isForeground(object)) {
    const { uid = '' } = object.metadata
    const blocking = blockersOf(uid, collector)
    // Those that are being deleted already come back by themselves when they are gone.
    const next = blocking.filter(({ dependent }) => !dependent.object.metadata.deletionTimestamp)
    for (const { dependent } of next) collector.queue.add(dependent.key)
    const held = blocking.some((blocker) => !waitsFor(blocker, uid, (of) => blockersOf(of, collector)))
    if (held) return
    return dropFinalizer(kind, object, 'foregroundDeletion', collector)
  }
  if (object.metadata.deletionTimestamp) return
  const owners = await Promise.all(
    (object.metadata.ownerReferences ?? []).map(async (owner) => ({
      owner,
      state: await stateOf(kind, object, owner, collector),
    })),
  )
  const verdict = judge(owners)
  if (verdict.do === 'disown') return disown({ kind, object, key: '' }, verdict.uids, collector)
  if (verdict.do === 'keep') return
  const { name = '', namespace, uid, resourceVersion } = object.metadata
  const waited = owners.some(({ state }) => state === 'waiting') && dependentsOf(uid ?? '', collector).length > 0
  try {
    await resource.delete(name, namespace, {
      propagationPolicy: waited ? 'Foreground' : 'Background',
      preconditions: { uid, resourceVersion },
    })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}

async function stateOf(
  kind: ServedKind,
  object: KubeObject,
  owner: OwnerReference,
  collector: Collector,
): Promise<OwnerState> {
  const ownerKind = kindOf(owner, collector)
  // An owner of a kind that is not served, or in no namespace we could name, cannot be judged: nothing is deleted for it.
  if (!ownerKind || (ownerKind.namespaced && !kind.namespaced)) return 'unknown'
  const namespace = ownerKind.namespaced ? object.metadata.namespace : undefined
  const held = collector.context.informers
    .of<KubeObject>(ownerKind)
    .get(namespace ? `${namespace}/${owner.name}` : owner.name)
  if (held?.metadata.uid === owner.uid) return isForeground(held) ? 'waiting' : 'there'
  try {
    const live = await collector.context.client.resource<KubeObject>(ownerKind).get(owner.name, namespace)
    if (live.metadata.uid !== owner.uid) return 'gone'
    return isForeground(live) ? 'waiting' : 'there'
  } catch (error) {
    if (isReason(error, 'NotFound')) return 'gone'
    throw error
  }
}

async function disown({ kind, object }: Dependent, uids: readonly string[], { context }: Collector): Promise<void> {
  const { name = '', namespace, resourceVersion, ownerReferences = [] } = object.metadata
  const left = ownerReferences.filter(({ uid }) => !uids.includes(uid))
  try {
    await context.client
      .resource<KubeObject>(kind)
      .patch(name, namespace, { metadata: { resourceVersion, ownerReferences: left.length > 0 ? left : null } })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}

async function dropFinalizer(
  kind: ServedKind,
  object: KubeObject,
  finalizer: string,
  { context }: Collector,
): Promise<void> {
  const { name = '', namespace, resourceVersion, finalizers = [] } = object.metadata
  const left = finalizers.filter((each) => each !== finalizer)
  try {
    await context.client
      .resource<KubeObject>(kind)
      .patch(name, namespace, { metadata: { resourceVersion, finalizers: left.length > 0 ? left : null } })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}
