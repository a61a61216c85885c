import { ApiError } from '@thresher/api/error'
import type { RequestInfo, ServerRequest } from '../request.ts'

/** Subresources of a namespace itself, which the path alone cannot tell from a collection in it. */
const namespaceSubresources = new Set(['status', 'finalize'])

/**
 * What a request is about.
 *
 * Empty parts of a path count for nothing, so doubled and trailing slashes do no harm.
 * @throws {ApiError} BadRequest for a path that is not properly percent-encoded
 * @see Kubernetes `apiserver/pkg/endpoints/request/requestinfo.go`
 */
export function requestInfo(request: Pick<ServerRequest, 'method' | 'path' | 'query'>): RequestInfo {
  const parts = decodeParts(request.path)
  const plain: RequestInfo = {
    verb: request.method.toLowerCase(),
    resourceRequest: false,
    path: request.path,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    rest: '',
    namespace: '',
    name: '',
  }
  const core = parts[0] === 'api'
  if (!core && parts[0] !== 'apis') return plain
  const [group, version, ...rest] = core ? ['', ...parts.slice(1)] : parts.slice(1)
  if (group === undefined || version === undefined || rest.length === 0) return plain
  const place = core || parts.length > 3 ? locate(rest) : undefined
  if (!place) return plain
  return { ...plain, resourceRequest: true, group, version, ...place, verb: verbOf(request, place) }
}

function decodeParts(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => (part.includes('%') ? decodeURIComponent(part) : part))
  } catch {
    throw new ApiError('BadRequest', `the path ${JSON.stringify(path)} is not properly percent-encoded`)
  }
}

type Place = Pick<RequestInfo, 'namespace' | 'resource' | 'name' | 'subresource' | 'rest'>

function locate(parts: string[]): Place {
  const [first, second, third] = parts
  if (first === 'namespaces' && parts.length > 2 && !(parts.length === 3 && namespaceSubresources.has(third!))) {
    return fields(second!, parts.slice(2))
  }
  return fields('', parts)
}

function fields(namespace: string, [resource = '', name = '', subresource = '', ...rest]: string[]): Place {
  return { namespace, resource, name, subresource, rest: rest.join('/') }
}

function verbOf({ method, query }: Pick<ServerRequest, 'method' | 'query'>, { name }: Place): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isTrue(query.get('watch'))) return 'watch'
      return name ? 'get' : 'list'
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return name ? 'delete' : 'deletecollection'
    default:
      return method.toLowerCase()
  }
}

/** A boolean of a query, as Go's strconv reads it; an empty value counts as true as Kubernetes has it. */
export function isTrue(value: string | null): boolean {
  return value !== null && !['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)
}
