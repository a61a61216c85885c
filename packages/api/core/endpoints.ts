import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { having, int32, list, object, optional, text } from '../schema.ts'
import { ObjectReference } from './references.ts'

const address = object(
  { ip: text },
  { hostname: text, nodeName: text, targetRef: ObjectReference },
  { 'x-kubernetes-map-type': 'atomic' },
)

const subset = optional({
  addresses: list(address),
  notReadyAddresses: list(address),
  ports: list(
    object(
      { port: int32 },
      { name: text, protocol: having(text, { default: 'TCP' }), appProtocol: text },
      { 'x-kubernetes-map-type': 'atomic' },
    ),
  ),
})

/** The addresses behind a Service, in the older form; EndpointSlice is the newer. */
export const Endpoints = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  description: 'The addresses behind a Service, in the older form; EndpointSlice is the newer.',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  fields: { subsets: Type.Optional(list(subset)) },
  columns: [
    {
      name: 'Endpoints',
      path({ subsets }) {
        const all = (subsets ?? []).flatMap(({ addresses, ports }) =>
          (addresses ?? []).flatMap(({ ip }) => (ports?.length ? ports.map(({ port }) => `${ip}:${port}`) : [ip])),
        )
        if (all.length === 0) return '<none>'
        return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',')
      },
    },
    age,
  ],
})
export type Endpoints = ObjectOf<typeof Endpoints>
