import { age, column } from '../columns.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, int64, labels, list, object, optional, text } from '../schema.ts'

/** Addresses that load balancers get theirs from, and which of them may. */
export const IPPool = defineKind({
  group: 'loadbalancer.harvesterhci.io',
  version: 'v1beta1',
  kind: 'IPPool',
  description: 'Addresses that load balancers get theirs from, and which of them may.',
  plural: 'ippools',
  shortNames: ['pool', 'pools'],
  namespaced: false,
  spec: object(
    { ranges: list(object({ subnet: text }, { rangeStart: text, rangeEnd: text, gateway: text })) },
    {
      description: text,
      selector: optional({
        priority: int32,
        network: text,
        scope: list(optional({ project: text, namespace: text, guestCluster: text })),
      }),
    },
  ),
  status: object(
    { total: int64, available: int64, lastAllocated: text },
    { allocated: labels, allocatedHistory: labels, conditions: Conditions },
  ),
  columns: [
    column('Description', '.spec.description'),
    { name: 'Ranges', path: ({ spec }) => spec.ranges.map(({ subnet }) => subnet).join(',') },
    column('Priority', '.spec.selector.priority'),
    age,
  ],
})
export type IPPool = ObjectOf<typeof IPPool>
