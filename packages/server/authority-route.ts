import { textAnswer } from '@thresher/apiserver/request'
import type { RouteHandler } from '@thresher/apiserver/subresource'

/**
 * The cluster's authority for whoever asks, as PEM. It is no secret; a host that joins compares its key with the hash in its token
 * before it believes it.
 */
export function authorityRoute(ca: string): RouteHandler {
  return {
    method: 'GET',
    path: '/cacerts',
    anonymous: true,
    authorize: false,
    handle: async () => textAnswer(200, ca, 'application/x-pem-file'),
  }
}
