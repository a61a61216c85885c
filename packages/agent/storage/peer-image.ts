import type { KubeconfigContext } from '@thresher/client/node/kubeconfig'
import { streamedRequest } from '@thresher/client/node/streamed-request'
import type { ImageCopiesOptions } from './image-copies.ts'

/**
 * Images from the hosts that imported them, through the API: with this node's own rights, and without a way from host to host.
 *
 * @param connection asked anew for each image, so that a renewed certificate is used
 */
export function peerImages(connection: () => KubeconfigContext): ImageCopiesOptions['fetchImage'] {
  return async (key, signal) => {
    const [namespace = '', name = ''] = key.split('/').map(encodeURIComponent)
    const path = `/apis/harvesterhci.io/v1beta1/namespaces/${namespace}/virtualmachineimages/${name}/download`
    const body = await streamedRequest(connection(), { method: 'GET', path, query: { format: 'qcow2' }, signal })
    return { bytes: Number(body.headers['content-length'] ?? Number.NaN), body }
  }
}
