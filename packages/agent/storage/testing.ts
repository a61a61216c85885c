import { Setting } from '@thresher/api/harvester/setting'
import { outboundRangesSetting } from '@thresher/api/harvester/settings/outbound-ranges'
import type { Client } from '@thresher/client/client'
import { Egress } from '@thresher/client/node/egress/egress'

const loopback = { allow: ['127.0.0.0/8', '::1'], deny: [] }

/** What the setting amounts to where the web servers of tests are on this host. */
export const testEgress = new Egress(loopback)

/** Let images be downloaded from this host itself. */
export async function openLoopback(client: Client): Promise<void> {
  await client.resource(Setting).create({
    metadata: { name: outboundRangesSetting },
    default: '',
    value: JSON.stringify(loopback),
  })
}
