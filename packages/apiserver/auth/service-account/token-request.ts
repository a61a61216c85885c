import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Objects } from '../objects.ts'
import { serviceAccounts, type BoundObject, type TokenIssuer } from './token-issuer.ts'

/** authentication.k8s.io/v1 TokenRequest. */
export interface TokenRequest {
  apiVersion: string
  kind: string
  metadata: { name?: string; namespace?: string; creationTimestamp?: string | null }
  spec: { audiences?: string[] | null; expirationSeconds?: number | null; boundObjectRef?: BoundObjectRef | null }
  status?: { token: string; expirationTimestamp: string }
}

interface BoundObjectRef {
  kind?: string
  apiVersion?: string
  name?: string
  uid?: string
}

const hour = 3600
const shortestSeconds = 600
const longestSeconds = 365 * 24 * hour
const kinds = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' } as const

/**
 * Answer a POST to `serviceaccounts/<name>/token`.
 *
 * A lifetime above a year is shortened to one.
 *
 * @throws {ApiError} NotFound without such an account; Invalid for a lifetime under ten minutes or another kind of bound object; Conflict when the bound object is another than named
 */
export function createToken(
  issuer: TokenIssuer,
  objects: Objects,
  account: { namespace: string; name: string },
  request: TokenRequest,
  now = Date.now(),
): TokenRequest {
  const { namespace, name } = account
  const found = objects.get(serviceAccounts, namespace, name)
  if (!found) throw notFound('serviceaccounts', name)
  const spec = request.spec ?? {}
  const seconds = spec.expirationSeconds ?? hour
  if (!Number.isSafeInteger(seconds) || seconds < shortestSeconds)
    throw invalid(request, 'spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')
  if (spec.audiences?.some((audience) => typeof audience !== 'string' || audience === ''))
    throw invalid(request, 'spec.audiences', spec.audiences, 'must be a list of texts that are not empty')
  const target = spec.boundObjectRef ? bindTo(objects, namespace, spec.boundObjectRef, found, request) : undefined
  const expiresAt = Math.floor(now / 1000) + Math.min(seconds, longestSeconds)
  const token = issuer.issue({
    namespace,
    name,
    uid: found.metadata.uid ?? '',
    audiences: spec.audiences ?? [],
    expiresAt,
    ...target,
  })
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name, namespace, creationTimestamp: new Date(now).toISOString().replace(/\.\d+/, '') },
    spec: {
      audiences: spec.audiences?.length ? spec.audiences : [issuer.issuer],
      expirationSeconds: Math.min(seconds, longestSeconds),
      boundObjectRef: spec.boundObjectRef ?? null,
    },
    status: { token, expirationTimestamp: new Date(expiresAt * 1000).toISOString().replace('.000', '') },
  }
}

function bindTo(
  objects: Objects,
  namespace: string,
  ref: BoundObjectRef,
  account: KubeObject,
  request: TokenRequest,
): { bound: BoundObject; node?: { name: string; uid?: string } } {
  const kind = ref.kind as BoundObject['kind']
  const plural = Object.hasOwn(kinds, kind ?? '') ? kinds[kind] : undefined
  if (!plural || ref.apiVersion !== 'v1')
    throw invalid(
      request,
      'spec.boundObjectRef',
      `${ref.apiVersion} ${ref.kind}`,
      'cannot bind token for serviceaccount to another kind than v1 Pod, Secret or Node',
    )
  const name = ref.name ?? ''
  const object = objects.get<KubeObject & { spec?: { serviceAccountName?: string; nodeName?: string } }>(
    { group: '', plural },
    kind === 'Node' ? '' : namespace,
    name,
  )
  if (!object) throw notFound(plural, name)
  const uid = object.metadata.uid ?? ''
  if (ref.uid && ref.uid !== uid)
    throw new ApiError(
      'Conflict',
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  if (kind === 'Pod' && (object.spec?.serviceAccountName || 'default') !== account.metadata.name)
    throw new ApiError(
      'BadRequest',
      `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
    )
  const nodeName = kind === 'Pod' ? object.spec?.nodeName : undefined
  const node = nodeName
    ? { name: nodeName, uid: objects.get({ group: '', plural: 'nodes' }, '', nodeName)?.metadata.uid }
    : undefined
  return { bound: { kind, name, uid }, ...(node ? { node } : {}) }
}

function notFound(plural: string, name: string): ApiError {
  return new ApiError('NotFound', `${plural} ${JSON.stringify(name)} not found`, { details: { name, kind: plural } })
}

function invalid(request: TokenRequest, field: string, value: unknown, message: string): ApiError {
  const detail = `Invalid value: ${JSON.stringify(value)}: ${message}`
  return new ApiError(
    'Invalid',
    `TokenRequest.authentication.k8s.io ${JSON.stringify(request.metadata?.name ?? '')} is invalid: ${field}: ${detail}`,
    {
      details: {
        group: 'authentication.k8s.io',
        kind: 'TokenRequest',
        causes: [{ reason: 'FieldValueInvalid', message: detail, field }],
      },
    },
  )
}
