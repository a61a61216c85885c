import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import { messageOf } from '@thresher/api/protobuf/kinds'
import { jsonType, mediaType, unsupported } from '../body/media-type.ts'
import { protobufType } from '../protobuf/envelope.ts'
import type { Resource } from '../registry.ts'
import { type Answer, type ResourceCall, type StreamAnswer } from '../request.ts'
import type { SubresourceHandler } from '../subresource.ts'
import { encode, entryAnswer, listAnswer, objectAnswer } from './answers.ts'
import { readBody } from './body.ts'
import type { Context } from './context.ts'
import { createObject, type Written } from './create.ts'
import { deleteObject, readDeleteOptions, type Deleted } from './delete.ts'
import { deleteCollection } from './delete-collection.ts'
import { methodNotAllowed, noSuchResource } from './failures.ts'
import { readForm, type Form } from './form.ts'
import { listObjects } from './list.ts'
import { finalizeNamespace } from './namespace-finalize.ts'
import { patchObject } from './patch.ts'
import { bindPod, evictPod } from './pods.ts'
import { awaitVersion, readWanted } from './resource-version.ts'
import { scaleObject } from './scale.ts'
import { requireTimeouts } from './timeouts.ts'
import { findLive, updateObject } from './update.ts'
import { watchObjects } from './watch.ts'

type Handle = (context: Context, resource: Resource, call: ResourceCall) => Promise<Answer | StreamAnswer>

/** What the server itself answers under a subresource, by group/plural/subresource or `*` for every kind. */
const subresources: Record<string, Record<string, Handle>> = {
  '*/status': { GET: get, HEAD: get, PUT: update, PATCH: patch },
  '*/scale': { GET: scale, HEAD: scale, PUT: scale, PATCH: scale },
  '/pods/binding': { POST: binding },
  '/pods/eviction': { POST: eviction },
  '/namespaces/finalize': { PUT: finalize },
  'certificates.k8s.io/certificatesigningrequests/approval': { GET: get, HEAD: get, PUT: update, PATCH: patch },
}

/** Those of {@link subresources} that discovery cannot know from the kind. */
export const ownSubresources: Omit<SubresourceHandler, 'handle' | 'upgrade'>[] = [
  { group: '', version: 'v1', plural: 'pods', subresource: 'binding', namespaced: true, methods: ['POST'] },
  { group: '', version: 'v1', plural: 'pods', subresource: 'eviction', namespaced: true, methods: ['POST'] },
  { group: '', version: 'v1', plural: 'namespaces', subresource: 'finalize', namespaced: false, methods: ['PUT'] },
  {
    group: 'certificates.k8s.io',
    version: 'v1',
    plural: 'certificatesigningrequests',
    subresource: 'approval',
    namespaced: false,
    methods: ['GET', 'PUT', 'PATCH'],
  },
]

const verbs: Record<string, Handle> = {
  get,
  list,
  watch: watchObjects_,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: removeAll,
}

/** Answer a request on a stored kind. RBAC has allowed it. @throws {ApiError} */
export function dispatch(context: Context, resource: Resource, call: ResourceCall): Promise<Answer | StreamAnswer> {
  const { info } = call
  requireTimeouts(call.request.query)
  if (info.rest) throw noSuchResource()
  if (!resource.namespaced && info.namespace) throw noSuchResource()
  if (resource.namespaced && info.name && !info.namespace) throw noSuchResource()
  // Nobody means to delete a kind's objects in all namespaces at once; Kubernetes has no such request either.
  if (info.verb === 'deletecollection' && resource.namespaced && !info.namespace) throw methodNotAllowed()
  const handle = info.subresource ? subresourceHandle(resource, call) : verbs[info.verb]
  if (!handle) throw methodNotAllowed()
  if (call.kind.deprecation) call.warnings.push(call.kind.deprecation)
  return handle(context, resource, call)
}

function subresourceHandle(resource: Resource, { info, kind, request }: ResourceCall): Handle | undefined {
  const { subresource } = info
  if (subresource === 'status' && !kind.subresources?.status) throw noSuchResource()
  if (subresource === 'scale' && !kind.subresources?.scale) throw noSuchResource()
  const own = `${resource.group}/${resource.plural}/${subresource}`
  const key = Object.hasOwn(subresources, own) ? own : `*/${subresource}`
  if (!Object.hasOwn(subresources, key)) throw noSuchResource()
  const methods = subresources[key]!
  return Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
}

/** Whether the request is a dry run. @throws {ApiError} Invalid for anything but `All` */
export function readDryRun(query: URLSearchParams): boolean {
  const asked = query.getAll('dryRun').filter((text) => text !== '')
  if (asked.length === 0) return false
  if (asked.every((text) => text === 'All')) return true
  throw new ApiError(
    'Invalid',
    `dryRun: Unsupported value: ${JSON.stringify(asked.find((text) => text !== 'All'))}: supported values: "All"`,
  )
}

async function get(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  const form = readForm(call.request, call.kind)
  await awaitVersion(context, readWanted(call.request.query, false))
  return entryAnswer(resource, call.kind, findLive(resource, call.info.namespace, call.info.name), form)
}

async function list(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  const form = readForm(call.request, call.kind)
  return listAnswer(resource, call.kind, await listObjects(context, resource, call), form)
}

function watchObjects_(context: Context, resource: Resource, call: ResourceCall): Promise<StreamAnswer> {
  return watchObjects(context, resource, call, readForm(call.request, call.kind))
}

async function create(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  const form = readForm(call.request, call.kind)
  const body = readObject(call)
  return written(resource, call.kind, await createObject(context, resource, call, body), form, 201)
}

async function update(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  if (!call.info.name) throw methodNotAllowed()
  const form = readForm(call.request, call.kind)
  const body = readObject(call)
  return written(resource, call.kind, await updateObject(context, resource, call, body), form, 200)
}

async function patch(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  if (!call.info.name) throw methodNotAllowed()
  const form = readForm(call.request, call.kind)
  const result = await patchObject(context, resource, call)
  return written(resource, call.kind, result, form, result.created ? 201 : 200)
}

async function remove(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  const form = readForm(call.request, call.kind)
  const options = readDeleteOptions(readBody(call.request), call.request.query)
  return deleted(resource, call.kind, await deleteObject(context, resource, withDryRun(call), options), form)
}

async function removeAll(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  const form = readForm(call.request, call.kind)
  const options = readDeleteOptions(readBody(call.request), call.request.query)
  return listAnswer(resource, call.kind, await deleteCollection(context, resource, withDryRun(call), options), form)
}

/** DeleteOptions in a body may ask for a dry run too. */
function withDryRun(call: ResourceCall): ResourceCall {
  const body = readBody(call.request) as { dryRun?: unknown } | undefined
  const asked = Array.isArray(body?.dryRun) && body.dryRun.includes('All')
  return asked ? { ...call, dryRun: true } : call
}

async function scale(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  return encode(
    200,
    await scaleObject(context, resource, call),
    readForm(call.request, { apiVersion: 'autoscaling/v1', kind: 'Scale' }),
  )
}

async function binding(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  return encode(201, await bindPod(context, resource, call, readBody(call.request)), readForm(call.request, call.kind))
}

async function eviction(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  await evictPod(context, resource, call, readBody(call.request))
  const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', code: 201 }
  return encode(201, status, readForm(call.request, call.kind))
}

async function finalize(context: Context, resource: Resource, call: ResourceCall): Promise<Answer> {
  const live = findLive(resource, '', call.info.name)
  const result = await finalizeNamespace(context, resource, call, live, requireBody(readBody(call.request)))
  return written(resource, call.kind, result, readForm(call.request, call.kind), 200)
}

function written(resource: Resource, kind: Kind, { object, entry }: Written, form: Form, status: number): Answer {
  if (entry) return entryAnswer(resource, kind, entry, form, status)
  const shown = object.apiVersion === kind.apiVersion ? object : { ...object, apiVersion: kind.apiVersion }
  return objectAnswer(kind, shown, form, status)
}

function deleted(resource: Resource, kind: Kind, result: Deleted, form: Form): Answer {
  if ('status' in result) return encode(200, result.status, form)
  return written(resource, kind, result, form, 200)
}

/** The object that is sent. @throws {ApiError} UnsupportedMediaType for protobuf of a kind that has no such form */
function readObject({ kind, request }: ResourceCall): unknown {
  const sent = mediaType(request.headers['content-type'])
  if (request.body && sent === protobufType && !messageOf(kind.apiVersion, kind.kind))
    throw unsupported([jsonType, 'application/yaml'])
  return requireBody(readBody(request))
}

function requireBody(body: unknown): unknown {
  if (body !== undefined) return body
  throw new ApiError('BadRequest', 'the request needs a body: the object as JSON or YAML')
}
