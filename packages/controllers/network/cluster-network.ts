import { isReason } from '@thresher/api/error'
import { managementSwitch } from '@thresher/api/management-network'
import { subnetAnnotation } from '@thresher/api/names'
import type { Condition } from '@thresher/api/meta'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { setCondition } from '@thresher/client/conditions'
import type { Context } from '@thresher/client/controller'

/**
 * Show the management network as the ClusterNetwork `mgmt`, made again where it is missing.
 *
 * @param subnet its addresses, for hosts that join; @param failure why its switch cannot be kept as it should be; undefined while it is
 */
export async function showManagement(subnet: string, failure: string | undefined, context: Context): Promise<void> {
  const objects = context.objects(ClusterNetwork)
  const annotations = { [subnetAnnotation]: subnet }
  const held = await objects.ensure({
    apiVersion: 'network.harvesterhci.io/v1beta1',
    kind: 'ClusterNetwork',
    metadata: { name: managementSwitch, annotations },
  })
  const isShown = held.metadata.annotations?.[subnetAnnotation] === subnet
  const found = isShown ? held : await objects.patch(held, { metadata: { annotations } })
  const before = (found.status?.conditions ?? []) as Condition[]
  // The type is in lower case, as Harvester's clients look for it.
  const conditions = setCondition(
    before,
    failure === undefined
      ? { type: 'ready', status: 'True', reason: 'SwitchMade', message: 'guests can be connected' }
      : { type: 'ready', status: 'False', reason: 'DatabaseUnreachable', message: failure },
    context.now(),
  )
  if (conditions === before) return
  try {
    await objects.updateStatus({ ...found, status: { ...found.status, conditions } } as ClusterNetwork)
  } catch (error) {
    // Someone changed or deleted it meanwhile, and that wakes the controller again.
    if (!isReason(error, 'Conflict', 'NotFound')) throw error
  }
}
