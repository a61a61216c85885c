import { ApiError } from '@thresher/api/error'
import type { ScalePaths } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { applyMergePatch } from '../patch/merge-patch.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { deepClone } from '../schema/clone.ts'
import { mediaType, unsupported } from '../body/media-type.ts'
import { readBody } from './body.ts'
import type { Context } from './context.ts'
import { badQuery, invalid, methodNotAllowed, modified } from './failures.ts'
import { jsonPatch, mergePatch, strategicPatch } from './patch.ts'
import { findLive, liveObject, updateLive } from './update.ts'
import { bookFields } from './write.ts'

const patches = [jsonPatch, mergePatch, strategicPatch]

interface Scale {
  apiVersion: 'autoscaling/v1'
  kind: 'Scale'
  metadata: KubeObject['metadata']
  spec: { replicas?: number }
  status: { replicas: number; selector?: string }
}

/** GET, PUT and PATCH of `…/scale`: the number of replicas as every kind that has one shows it. */
export async function scaleObject(context: Context, resource: Resource, call: ResourceCall): Promise<Scale> {
  const paths = call.kind.subresources?.scale
  if (!paths) throw methodNotAllowed()
  const live = findLive(resource, call.info.namespace, call.info.name)
  const object = liveObject(resource, call, live)
  const scale = toScale(object, paths)
  const { method } = call.request
  if (method === 'GET' || method === 'HEAD') return scale
  const next = method === 'PUT' ? readBody(call.request) : patched(call, scale)
  const { replicas, resourceVersion } = readScale(next)
  if (resourceVersion && resourceVersion !== String(live.revision)) throw modified(resource, live.name)
  const changed = deepClone(object)
  write(changed, paths.specReplicasPath, replicas)
  const { object: after } = await updateLive(context, resource, call, live, changed, {
    subresource: '',
    book: (before, after) => bookFields(context, call, before, after, 'scale'),
  })
  return toScale(after, paths)
}

function patched(call: ResourceCall, scale: Scale): unknown {
  const type = mediaType(call.request.headers['content-type'])
  if (!patches.includes(type)) throw unsupported(patches)
  const patch = readBody(call.request, patches)
  return type === jsonPatch
    ? applyJsonPatch(scale as never, patch as never)
    : applyMergePatch(scale as never, patch as never)
}

function readScale(body: unknown): { replicas: number; resourceVersion?: string } {
  if (typeof body !== 'object' || body === null) throw badQuery('the body must be an autoscaling/v1 Scale')
  const { spec, metadata } = body as {
    spec?: { replicas?: unknown } | null
    metadata?: { resourceVersion?: string } | null
  }
  const replicas = spec?.replicas ?? 0
  if (!Number.isSafeInteger(replicas) || (replicas as number) < 0) {
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, '', [
      {
        field: 'spec.replicas',
        message: `Invalid value: ${JSON.stringify(replicas)}: must be an integer of 0 or more`,
      },
    ])
  }
  return { replicas: replicas as number, resourceVersion: metadata?.resourceVersion }
}

function toScale(object: KubeObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = paths.labelSelectorPath ? selectorText(read(object, paths.labelSelectorPath)) : undefined
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: (read(object, paths.specReplicasPath) as number | undefined) ?? 0 },
    status: {
      replicas: (read(object, paths.statusReplicasPath) as number | undefined) ?? 0,
      ...(selector ? { selector } : {}),
    },
  }
}

/** A label selector, in text or as an object with matchLabels, as text. */
function selectorText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const labels = (value as { matchLabels?: Record<string, string> } | undefined)?.matchLabels
  if (!labels) return undefined
  return Object.entries(labels)
    .map(([key, text]) => `${key}=${text}`)
    .join(',')
}

/** Paths of scale are plain: `.spec.replicas`. */
function read(object: unknown, path: string): unknown {
  return path
    .split('.')
    .filter(Boolean)
    .reduce<unknown>((value, field) => (value as Record<string, unknown> | undefined)?.[field], object)
}

function write(object: unknown, path: string, value: unknown): void {
  const fields = path.split('.').filter(Boolean)
  const last = fields.pop()
  if (last === undefined) throw new ApiError('InternalError', 'the kind declares no path for its replicas')
  let target = object as Record<string, unknown>
  for (const field of fields) target = (target[field] ??= {}) as Record<string, unknown>
  target[last] = value
}
