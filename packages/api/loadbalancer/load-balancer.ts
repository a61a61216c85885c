import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { Conditions } from '../harvester/condition.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, list, mapTo, object, oneOf, optional, text, texts } from '../schema.ts'

/** An address that spreads connections over machines, or over the nodes of a guest cluster. Times in seconds. */
export const LoadBalancer = defineKind({
  group: 'loadbalancer.harvesterhci.io',
  version: 'v1beta1',
  kind: 'LoadBalancer',
  description:
    'An address that spreads connections over machines, or over the nodes of a guest cluster. Times in seconds.',
  plural: 'loadbalancers',
  shortNames: ['lb', 'lbs'],
  namespaced: true,
  spec: optional({
    description: text,
    workloadType: oneOf('vm', 'cluster'),
    ipam: oneOf('pool', 'dhcp'),
    ipPool: text,
    listeners: list(object({ port: int32, protocol: text, backendPort: int32 }, { name: text })),
    backendServerSelector: mapTo(texts),
    healthCheck: optional({
      port: int32,
      successThreshold: int32,
      failureThreshold: int32,
      periodSeconds: int32,
      timeoutSeconds: int32,
    }),
  }),
  status: optional({
    address: text,
    allocatedAddress: optional({ ipPool: text, ip: text, mask: text, gateway: text }),
    backendServers: texts,
    conditions: Conditions,
  }),
  columns: [
    column('Description', '.spec.description'),
    column('WorkloadType', '.spec.workloadType'),
    column('IPAM', '.spec.ipam'),
    column('Address', '.status.address'),
    age,
  ],
  check({ spec }): FieldError[] {
    const errors: FieldError[] = []
    const seen = new Set<string>()
    for (const [index, { name, port, backendPort }] of (spec?.listeners ?? []).entries()) {
      const at = `spec.listeners[${index}]`
      for (const [field, number] of Object.entries({ port, backendPort }))
        if (number < 1 || number > 65535)
          errors.push({ field: `${at}.${field}`, message: 'must be between 1 and 65535' })
      if (name && seen.has(name))
        errors.push({ field: `${at}.name`, message: 'is there twice', reason: 'FieldValueDuplicate' })
      if (name) seen.add(name)
    }
    return errors
  },
  checkUpdate: (next, previous) =>
    (['workloadType', 'ipam'] as const)
      .filter((field) => previous.spec[field] !== undefined && next.spec[field] !== previous.spec[field])
      .map((field) => ({ field: `spec.${field}`, message: 'cannot change; make another load balancer' })),
})
export type LoadBalancer = ObjectOf<typeof LoadBalancer>
