import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { object, optional, text, texts } from '../schema.ts'

/** One address that is taken. */
export const IPAddress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  description: 'One address that is taken.',
  plural: 'ipaddresses',
  singular: 'ipaddress',
  shortNames: ['ip'],
  namespaced: false,
  spec: object({ parentRef: object({ resource: text, name: text }, { group: text, namespace: text }) }),
  columns: [
    {
      name: 'ParentRef',
      path: ({ spec: { parentRef } }) =>
        [parentRef.resource, parentRef.namespace, parentRef.name].filter(Boolean).join('/'),
    },
    age,
  ],
})
export type IPAddress = ObjectOf<typeof IPAddress>

/** Ranges of addresses for services. */
export const ServiceCIDR = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  description: 'Ranges of addresses for services.',
  plural: 'servicecidrs',
  namespaced: false,
  spec: optional({ cidrs: texts }),
  status: optional({ conditions: Conditions }),
  columns: [{ name: 'CIDRs', path: ({ spec }) => (spec.cidrs ?? []).join(',') }, age],
})
export type ServiceCIDR = ObjectOf<typeof ServiceCIDR>
