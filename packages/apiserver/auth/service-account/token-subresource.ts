import { ApiError } from '@thresher/api/error'
import type { SubresourceHandler } from '../../subresource.ts'
import type { NodeGraph } from '../node/node-graph.ts'
import { nodeOf } from '../node/node-identity.ts'
import type { Objects } from '../objects.ts'
import type { TokenIssuer } from './token-issuer.ts'
import { createToken, type TokenRequest } from './token-request.ts'

/** `POST …/serviceaccounts/<name>/token`. A node gets tokens only for pods that are bound to it. */
export function tokenSubresource(issuer: TokenIssuer, objects: () => Objects, graph: NodeGraph): SubresourceHandler {
  return {
    group: '',
    version: 'v1',
    plural: 'serviceaccounts',
    subresource: 'token',
    namespaced: true,
    methods: ['POST'],
    kind: 'TokenRequest',
    async handle({ user, namespace, name, body }) {
      const request = parse(body)
      const node = nodeOf(user)
      if (node !== undefined) {
        const bound = request.spec.boundObjectRef
        if (bound?.kind !== 'Pod' || !bound.uid || !graph.needs(node, 'pods', namespace, bound.name ?? ''))
          throw new ApiError(
            'Forbidden',
            `serviceaccounts ${JSON.stringify(name)} is forbidden: node ${JSON.stringify(node)} may only request tokens bound to the uid of a pod that runs on it`,
            {
              details: { name, kind: 'serviceaccounts' },
            },
          )
      }
      return { status: 201, body: createToken(issuer, objects(), { namespace, name }, request) }
    },
  }
}

function parse(body: unknown): TokenRequest {
  const request = body as Partial<TokenRequest> | undefined | null
  if (
    typeof request !== 'object' ||
    request === null ||
    Array.isArray(request) ||
    (request.kind !== undefined && request.kind !== 'TokenRequest')
  )
    throw new ApiError('BadRequest', 'send a TokenRequest in authentication.k8s.io/v1')
  const { spec } = request
  if (
    spec !== undefined &&
    (typeof spec !== 'object' ||
      spec === null ||
      Array.isArray(spec) ||
      (spec.audiences !== undefined && spec.audiences !== null && !Array.isArray(spec.audiences)))
  )
    throw new ApiError('BadRequest', 'the spec of the TokenRequest is not an object, or its audiences are not a list')
  return { ...request, spec: { ...spec } } as TokenRequest
}
