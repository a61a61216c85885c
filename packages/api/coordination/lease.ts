import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, microTime, optional, text } from '../schema.ts'

/** Who holds something, and since when: leadership, or a node's heartbeat. */
export const Lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  description: "Who holds something, and since when: leadership, or a node's heartbeat.",
  plural: 'leases',
  namespaced: true,
  specOptional: true,
  spec: optional({
    holderIdentity: text,
    leaseDurationSeconds: int32,
    acquireTime: microTime,
    renewTime: microTime,
    leaseTransitions: int32,
    strategy: text,
    preferredHolder: text,
  }),
  columns: [column('Holder', '.spec.holderIdentity'), age],
  check(lease) {
    const { leaseDurationSeconds, leaseTransitions } = lease.spec ?? {}
    return [
      ...(leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0
        ? [{ field: 'spec.leaseDurationSeconds', message: 'must be greater than 0' }]
        : []),
      ...(leaseTransitions !== undefined && leaseTransitions < 0
        ? [{ field: 'spec.leaseTransitions', message: 'must not be negative' }]
        : []),
    ]
  },
})
export type Lease = ObjectOf<typeof Lease>
