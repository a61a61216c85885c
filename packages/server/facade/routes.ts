import { ApiError } from '@thresher/api/error'
import { effectiveValue } from '@thresher/api/harvester/settings/value'
import { textAnswer, type Answer, type ServerRequest } from '@thresher/apiserver/request'
import type { RouteHandler } from '@thresher/apiserver/subresource'
import type { User } from '@thresher/apiserver/user'
import { Access } from './access.ts'
import { failureAnswer, json, withAuthHeader } from './answer.ts'
import { findSetting, isKnown, originOf, type FacadeCall, type FacadeParts } from './context.ts'
import { countObjects } from './counts.ts'
import { accountKubeconfig } from './kubeconfig.ts'
import { login, logout } from './login.ts'
import { handleManagement, selfUser } from './management.ts'
import { handlePreferences } from './preferences.ts'
import { handleResource } from './resources.ts'
import { schemaDefinition } from './schema-definitions.ts'
import { findKind } from './schema-names.ts'
import { schemaOf, schemas } from './schemas.ts'
import { subscribe } from './subscribe.ts'
import { collection, handleV3 } from './v3.ts'

type Handle = (call: FacadeCall) => Promise<Answer> | Answer

/** Fixed paths under `/v1` and `/v1/harvester`, by their first part. Everything else there is a type of object. */
const fixed: Record<string, Handle> = {
  schemas: async (call) => {
    const [, id] = call.path
    if (id === undefined) return collection(call, 'schema', await schemas(call))
    const kind = findKind(call.parts.server().registry, id)
    const schema = kind && (await schemaOf(call, kind, new Access(call)))
    if (!schema) throw new ApiError('NotFound', `there is no schema ${JSON.stringify(id)}`)
    return json(200, schema)
  },
  schemaDefinitions: (call) => json(200, schemaDefinition(call, call.path[1] ?? '')),
  counts: async (call) => {
    const self = `${call.base}/counts/count`
    return collection(call, 'count', [
      { id: 'count', type: 'count', links: { self }, counts: await countObjects(call) },
    ])
  },
  userpreferences: handlePreferences,
  logout: (call) => logout(call),
  kubeconfig: accountKubeconfig,
  'ext.cattle.io.selfuser': selfUserAnswer,
  'ext.cattle.io.selfusers': selfUserAnswer,
  'ui-info': (call) =>
    json(200, {
      'ui-source': effectiveValue('ui-source', findSetting(call, 'ui-source')),
      'ui-index': effectiveValue('ui-index', findSetting(call, 'ui-index')),
      'ui-plugin-index': effectiveValue('ui-plugin-index', findSetting(call, 'ui-plugin-index')),
    }),
}

function selfUserAnswer(call: FacadeCall): Answer {
  const fields = {
    apiVersion: 'ext.cattle.io/v1',
    kind: 'SelfUser',
    metadata: {},
    status: { userID: selfUser(call).id },
  }
  return json(201, { id: '', type: 'ext.cattle.io.selfuser', links: {}, ...fields })
}

async function handleV1(call: FacadeCall): Promise<Answer> {
  const management = await handleManagement(call)
  if (management) return management
  const [first = ''] = call.path
  if (first === 'readyz') return textAnswer(200, 'ok')
  if (!isKnown(call.user)) throw new ApiError('Unauthorized', 'log in first')
  if (first === '')
    return json(200, { type: 'apiRoot', id: 'v1', links: { self: call.base, schemas: `${call.base}/schemas` } })
  const handle = Object.hasOwn(fixed, first) ? fixed[first] : undefined
  return handle ? handle(call) : handleResource(call)
}

async function handlePublic(call: FacadeCall): Promise<Answer> {
  const { method, query } = call.request
  const [first = '', second] = call.path
  const isLogin = first === 'login' || (first.toLowerCase() === 'localproviders' && query.get('action') === 'login')
  if (method === 'POST' && isLogin) return login(call)
  if (method === 'GET' && first.toLowerCase() === 'authproviders') {
    const links = { self: `${call.base}/localProviders/local`, login: `${call.base}/localProviders/local?action=login` }
    const provider = {
      id: 'local',
      type: 'localProvider',
      baseType: 'authProvider',
      links,
      actions: { login: links.login },
    }
    return second === undefined ? collection(call, 'authProvider', [provider]) : json(200, provider)
  }
  throw new ApiError('NotFound', `there is nothing at ${JSON.stringify(call.path.join('/'))}`)
}

/**
 * The routes of the REST API that Harvester's dashboard and tests speak: a view on the Kubernetes API, used as the caller.
 *
 * Callers that are not known get through to here, since some paths are for them; {@link handleV1} and its like turn them away.
 */
export function facadeRoutes(parts: FacadeParts): RouteHandler[] {
  const route = (path: string, base: string, handle: Handle): RouteHandler => ({
    method: '*',
    path,
    anonymous: true,
    authorize: false,
    streams: isUpload,
    handle: (request) => answer(makeCall(parts, request, base), handle),
    upgrade: (request, raw, socket, head) => {
      const call = makeCall(parts, request, base)
      if (!isKnown(call.user)) throw new ApiError('Unauthorized', 'log in first')
      if (call.path[0] !== 'subscribe') throw new ApiError('NotFound', 'there is no WebSocket here')
      subscribe(call, raw, socket, head)
    },
  })
  const version = (call: FacadeCall) =>
    json(200, {
      Version: effectiveValue('server-version', findSetting(call, 'server-version')),
      GitCommit: '',
      RancherPrime: 'false',
    })
  return [
    route('/v1/harvester/', '/v1/harvester', handleV1),
    route('/v1/', '/v1', handleV1),
    route('/v1-public/', '/v1-public', handlePublic),
    route('/v3-public/', '/v3-public', handlePublic),
    route('/v3/', '/v3', handleV3),
    route('/rancherversion', '/rancherversion', version),
    route('/ping', '/ping', () => textAnswer(200, 'pong')),
  ]
}

async function answer(call: FacadeCall, handle: Handle): Promise<Answer> {
  let made: Answer
  try {
    made = await handle(call)
  } catch (error) {
    made = failureAnswer(error)
  }
  return withAuthHeader(made, call)
}

/** A file in a form, as browsers send it. */
function isUpload({ method, query }: ServerRequest): boolean {
  return method === 'POST' && query.get('action') === 'upload'
}

function makeCall(parts: FacadeParts, request: ServerRequest & { user: User }, prefix: string): FacadeCall {
  const origin = originOf(request)
  let path: string[]
  try {
    path = request.path.slice(prefix.length).split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    throw new ApiError('BadRequest', 'the path is not properly percent-encoded')
  }
  return {
    parts,
    request,
    user: request.user,
    api: parts.server().transport(request.user),
    base: origin + prefix,
    origin,
    path,
  }
}
