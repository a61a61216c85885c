import type { Status } from '@thresher/api/error'
import type { Condition, KubeObject } from '@thresher/api/meta'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { commitUpdate } from './commit.ts'
import { timeText, type Context } from './context.ts'
import { deleteObject, readDeleteOptions, type Deleted } from './delete.ts'
import { takeFromBudget } from './eviction-budget.ts'
import { badQuery, conflict, invalid } from './failures.ts'
import { findLive, liveObject } from './update.ts'

interface PodShape extends KubeObject {
  spec: { nodeName?: string }
  status?: { phase?: string; conditions?: Condition[] }
}

const created: Status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', code: 201 }

/** POST of `pods/<name>/binding`: give a pod its node, once. */
export async function bindPod(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  body: unknown,
): Promise<Status> {
  const { target, metadata } = (body ?? {}) as {
    target?: { kind?: string; name?: string }
    metadata?: KubeObject['metadata']
  }
  const node = target?.name
  if (typeof node !== 'string' || node === '') {
    throw invalid({ group: '', kind: 'Binding' }, call.info.name, [
      { field: 'target.name', reason: 'FieldValueRequired', message: 'Required value: name the node' },
    ])
  }
  if (target?.kind && target.kind !== 'Node') {
    throw invalid({ group: '', kind: 'Binding' }, call.info.name, [
      {
        field: 'target.kind',
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node"`,
      },
    ])
  }
  const live = findLive(resource, call.info.namespace, call.info.name)
  const pod = liveObject(resource, call, live) as PodShape
  if (metadata?.uid && metadata.uid !== pod.metadata.uid) {
    throw conflict(
      resource,
      live.name,
      `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${pod.metadata.uid}`,
    )
  }
  if (pod.metadata.deletionTimestamp)
    throw conflict(resource, live.name, `pod ${live.name} is being deleted, cannot be assigned to a host`)
  if (pod.spec.nodeName)
    throw conflict(resource, live.name, `pod ${live.name} is already assigned to node "${pod.spec.nodeName}"`)
  if (call.dryRun) return created
  const now = timeText(context.now())
  const conditions = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled')
  conditions.push({ type: 'PodScheduled', status: 'True', lastTransitionTime: now })
  const next: PodShape = {
    ...pod,
    metadata: { ...pod.metadata, annotations: merged(pod.metadata.annotations, metadata?.annotations) },
    spec: { ...pod.spec, nodeName: node },
    status: { ...pod.status, conditions },
  }
  if (!next.metadata.annotations) delete next.metadata.annotations
  await commitUpdate(context, resource, live, next)
  return created
}

function merged(left?: Record<string, string>, right?: Record<string, string>): Record<string, string> | undefined {
  if (!right || typeof right !== 'object') return left
  const texts = Object.entries(right).filter(([, value]) => typeof value === 'string')
  return texts.length > 0 ? { ...left, ...Object.fromEntries(texts) } : left
}

/** POST of `pods/<name>/eviction`: delete a pod unless a disruption budget forbids it. */
export async function evictPod(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  body: unknown,
): Promise<Deleted> {
  if (typeof body !== 'object' || body === null) throw badQuery('the body must be a policy/v1 Eviction')
  const { deleteOptions, metadata } = body as { deleteOptions?: unknown; metadata?: { name?: string } }
  if (metadata?.name && metadata.name !== call.info.name)
    throw badQuery(`name in URL does not match name in Eviction object`)
  const pod = liveObject(resource, call, findLive(resource, call.info.namespace, call.info.name)) as PodShape
  const options = readDeleteOptions(deleteOptions ?? undefined, new URLSearchParams())
  await takeFromBudget(context, pod, call.dryRun)
  return deleteObject(context, resource, call, options)
}
