import { age } from '../columns.ts'
import { TypedLocalObjectReference } from '../core/references.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, list, object, oneOf, optional, text, texts } from '../schema.ts'

const backend = optional({
  service: object(
    { name: text },
    { port: optional({ name: text, number: int32 }, { 'x-kubernetes-map-type': 'atomic' }) },
  ),
  resource: TypedLocalObjectReference,
})

const path = object({ pathType: oneOf('Exact', 'Prefix', 'ImplementationSpecific'), backend }, { path: text })

/** Which host names and paths lead to which services. */
export const Ingress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  description: 'Which host names and paths lead to which services.',
  plural: 'ingresses',
  shortNames: ['ing'],
  namespaced: true,
  spec: optional({
    ingressClassName: text,
    defaultBackend: backend,
    tls: list(optional({ hosts: texts, secretName: text })),
    rules: list(optional({ host: text, http: object({ paths: list(path) }) })),
  }),
  status: optional({
    loadBalancer: optional({
      ingress: list(
        optional({
          ip: text,
          hostname: text,
          ports: list(object({ port: int32, protocol: text }, { error: text })),
        }),
      ),
    }),
  }),
  columns: [
    { name: 'Class', path: ({ spec }) => spec?.ingressClassName ?? '<none>' },
    { name: 'Hosts', path: ({ spec }) => (spec?.rules ?? []).map(({ host }) => host || '*').join(',') || '*' },
    {
      name: 'Address',
      path: ({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname).join(','),
    },
    { name: 'Ports', path: ({ spec }) => (spec?.tls?.length ? '80, 443' : '80') },
    age,
  ],
  check({ spec }): FieldError[] {
    if (!spec?.rules?.length && !spec?.defaultBackend)
      return [{ field: 'spec', message: 'give `defaultBackend` or at least one of `rules`' }]
    return (spec.rules ?? []).flatMap((rule, index) =>
      (rule.http?.paths ?? []).flatMap((one, at): FieldError[] =>
        one.pathType !== 'ImplementationSpecific' && !one.path?.startsWith('/')
          ? [{ field: `spec.rules[${index}].http.paths[${at}].path`, message: 'must be an absolute path' }]
          : [],
      ),
    )
  },
})
export type Ingress = ObjectOf<typeof Ingress>
