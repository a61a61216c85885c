import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { readBody } from '@thresher/apiserver/handler/body'
import type { Answer } from '@thresher/apiserver/request'
import { Access } from './access.ts'
import { runAction } from './actions.ts'
import { empty, FacadeError, json, readObject, wantsYaml, yaml } from './answer.ts'
import { select, withoutExcluded } from './collection.ts'
import type { FacadeCall } from './context.ts'
import { markRemovedDisks } from './removed-disks.ts'
import { kubernetesPath, pluralName, schemaId } from './schema-names.ts'
import { fromSteve, toSteve } from './steve-object.ts'
import { findTarget, read, type Target } from './target.ts'

/** Objects of any kind: `/<type>`, `/<type>/<namespace>`, `/<type>/[<namespace>/]<name>`. @throws {ApiError} NotFound for other paths */
export async function handleResource(call: FacadeCall): Promise<Answer> {
  const target = findTarget(call)
  const { method, query } = call.request
  const action = query.get('action')
  if (method === 'POST' && action !== null) return runAction(call, target, action)
  if (method === 'GET' || method === 'HEAD') return target.name ? show(call, target) : list(call, target)
  if (method === 'POST' && !target.name) return create(call, target)
  if (method === 'PUT' && target.name) return update(call, target)
  if (method === 'PATCH' && target.name) return patch(call, target)
  if (method === 'DELETE' && target.name) return remove(call, target)
  throw new ApiError('MethodNotAllowed', `${method} is not possible here`)
}

const passedOn = ['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion']

async function list(call: FacadeCall, { kind, namespace }: Target): Promise<Answer> {
  const { query } = call.request
  const wanted = Object.fromEntries(passedOn.map((name) => [name, query.get(name) ?? undefined]))
  const path = kubernetesPath(kind, namespace)
  const found = await call.api.request<KubeList<KubeObject>>({
    method: 'GET',
    path,
    query: wanted,
    signal: call.request.signal,
  })
  const { objects, count, pages } = select(found.items, query)
  const access = new Access(call)
  const data = await toSteve(call, kind, objects, access)
  const self = `${call.base}/${pluralName(kind)}${namespace ? `/${namespace}` : ''}`
  return json(200, {
    type: 'collection',
    links: { self },
    createTypes: (await access.may('create', kind, namespace)) ? { [schemaId(kind)]: self } : {},
    actions: {},
    resourceType: schemaId(kind),
    revision: found.metadata.resourceVersion,
    count,
    ...(pages === undefined ? {} : { pages }),
    ...(found.metadata.continue ? { continue: found.metadata.continue } : {}),
    data: data.map((object) => withoutExcluded(object, query)),
  })
}

async function show(call: FacadeCall, target: Target): Promise<Answer> {
  if (target.link || call.request.query.get('link'))
    throw new ApiError('NotFound', `${schemaId(target.kind)} has no ${target.link || call.request.query.get('link')}`)
  return answerObject(call, target.kind, await read(call, target), 200)
}

async function create(call: FacadeCall, { kind, namespace }: Target): Promise<Answer> {
  const body = fromSteve(kind, readObject(call))
  const into = kind.namespaced ? namespace || body.metadata.namespace || 'default' : ''
  if (kind.namespaced) body.metadata.namespace = into
  const path = kubernetesPath(kind, into)
  return answerObject(call, kind, await call.api.request<KubeObject>({ method: 'POST', path, body }), 201)
}

async function update(call: FacadeCall, { kind, namespace, name }: Target): Promise<Answer> {
  const body = fromSteve(kind, readObject(call))
  if (!body.metadata.resourceVersion)
    throw new FacadeError(
      422,
      'InvalidBodyContent',
      'metadata.resourceVersion is required for update: get the object first',
    )
  const path = kubernetesPath(kind, namespace, name)
  return answerObject(call, kind, await call.api.request<KubeObject>({ method: 'PUT', path, body }), 200)
}

async function patch(call: FacadeCall, { kind, namespace, name }: Target): Promise<Answer> {
  const given =
    String(call.request.headers['content-type'] ?? '')
      .split(';')[0]
      ?.trim() ?? ''
  const contentType = given.endsWith('patch+json') ? given : 'application/merge-patch+json'
  const body = readBody(call.request, [contentType, 'application/json'])
  const path = kubernetesPath(kind, namespace, name)
  return answerObject(call, kind, await call.api.request<KubeObject>({ method: 'PATCH', path, body, contentType }), 200)
}

async function remove(call: FacadeCall, target: Target): Promise<Answer> {
  const { kind, namespace, name } = target
  const { query } = call.request
  await markRemovedDisks(call, kind, namespace, name)
  const options = ['propagationPolicy', 'gracePeriodSeconds', 'dryRun']
  const deleted = await call.api.request<KubeObject>({
    method: 'DELETE',
    path: kubernetesPath(kind, namespace, name),
    query: Object.fromEntries(options.map((option) => [option, query.get(option) ?? undefined])),
  })
  return deleted.kind === 'Status' ? empty() : answerObject(call, kind, deleted, 200)
}

async function answerObject(call: FacadeCall, kind: Kind, object: KubeObject, status: number): Promise<Answer> {
  if (wantsYaml(call.request)) return yaml({ apiVersion: kind.apiVersion, kind: kind.kind, ...object })
  const [shown] = await toSteve(call, kind, [object], new Access(call))
  return json(status, withoutExcluded(shown ?? {}, call.request.query))
}
