import { Pod } from '@thresher/api/core/pod'
import { networkAnnotation } from '@thresher/api/pod-network'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns } from './request.ts'

/**
 * How a guest is connected is the network controller's word: with it a tenant could take another's port on the switch, or
 * let ports be forwarded to an address that is not his guest's.
 */
export const podNetwork: AdmissionStep = {
  name: 'PodNetwork',
  validate(request) {
    if (!concerns(request, Pod, 'CREATE', 'UPDATE')) return
    if (request.user.groups.includes('system:masters')) return
    const [next, before] = [request.object, request.oldObject].map(
      (pod) => pod?.metadata.annotations?.[networkAnnotation],
    )
    if (next === before) return
    return [
      {
        field: `metadata.annotations[${networkAnnotation}]`,
        message: 'is written by the network controller alone; leave it as it is',
      },
    ]
  },
}
