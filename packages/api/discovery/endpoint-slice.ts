import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { ObjectReference } from '../core/references.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, having, int32, labels, list, object, oneOf, optional, set, text } from '../schema.ts'

const zones = list(object({ name: text }))

const endpoint = object(
  { addresses: set(text) },
  {
    conditions: optional({ ready: flag, serving: flag, terminating: flag }),
    hostname: text,
    targetRef: ObjectReference,
    deprecatedTopology: labels,
    nodeName: text,
    zone: text,
    hints: optional({ forZones: zones, forNodes: zones }),
  },
)

/** A part of the addresses behind a Service. */
export const EndpointSlice = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  description: 'A part of the addresses behind a Service.',
  plural: 'endpointslices',
  namespaced: true,
  fields: {
    addressType: oneOf('IPv4', 'IPv6', 'FQDN'),
    endpoints: list(endpoint),
    ports: Type.Optional(
      list(
        optional(
          {
            name: having(text, { default: '' }),
            protocol: having(text, { default: 'TCP' }),
            port: int32,
            appProtocol: text,
          },
          { 'x-kubernetes-map-type': 'atomic' },
        ),
      ),
    ),
  },
  columns: [
    column('AddressType', '.addressType'),
    { name: 'Ports', path: ({ ports }) => (ports ?? []).map(({ port }) => port ?? '*').join(',') || '<unset>' },
    {
      name: 'Endpoints',
      path: ({ endpoints }) =>
        endpoints
          .flatMap(({ addresses }) => addresses)
          .slice(0, 3)
          .join(',') || '<unset>',
    },
    age,
  ],
  checkUpdate: (next, previous) =>
    next.addressType === previous.addressType
      ? []
      : [{ field: 'addressType', message: 'field is immutable; make another slice' }],
})
export type EndpointSlice = ObjectOf<typeof EndpointSlice>
