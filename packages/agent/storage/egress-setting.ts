import { outboundRanges, outboundRangesSetting } from '@thresher/api/harvester/settings/outbound-ranges'
import type { Client } from '@thresher/client/client'
import { Egress } from '@thresher/client/node/egress/egress'
import { readSetting } from '../read-setting.ts'

/**
 * Where this host may download from now, by the cluster's setting.
 *
 * @param closed further ranges that only the setting opens, such as that of the guests, whose firewall rules the host bypasses
 */
export async function clusterEgress(client: Client, closed: readonly string[]): Promise<Egress> {
  const { allow, deny } = outboundRanges(await readSetting(client, outboundRangesSetting))
  return new Egress({ allow, deny: [...deny, ...closed.filter((range) => !allow.includes(range))] })
}
