import { age } from '../columns.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, int32, labels, list, mapTo, object, oneOf, optional, text } from '../schema.ts'

const link = object(
  { name: text },
  {
    index: int32,
    mac: text,
    masterIndex: int32,
    promiscuous: flag,
    state: oneOf('up', 'down', 'unknown'),
    type: text,
  },
)

/** Which network cards of hosts are of interest, and how each fares, by host. */
export const LinkMonitor = defineKind({
  group: 'network.harvesterhci.io',
  version: 'v1beta1',
  kind: 'LinkMonitor',
  description: 'Which network cards of hosts are of interest, and how each fares, by host.',
  plural: 'linkmonitors',
  shortNames: ['lm', 'lms'],
  namespaced: false,
  spec: optional({ nodeSelector: labels, targetLinkRule: optional({ typeRule: text, nameRule: text }) }),
  status: optional({ linkStatus: mapTo(list(link)), conditions: Conditions }),
  columns: [age],
})
export type LinkMonitor = ObjectOf<typeof LinkMonitor>
