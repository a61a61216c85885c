import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { base64, flag, having, int32, object, optional, text } from '../schema.ts'

/** A group and version, and who serves it. */
export const APIService = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  description: 'A group and version, and who serves it.',
  plural: 'apiservices',
  categories: ['api-extensions'],
  namespaced: false,
  spec: object(
    { groupPriorityMinimum: int32, versionPriority: int32 },
    {
      group: text,
      version: text,
      service: optional({ namespace: text, name: text, port: having(int32, { default: 443 }) }),
      insecureSkipTLSVerify: flag,
      caBundle: base64,
    },
  ),
  status: optional({ conditions: Conditions }),
  columns: [
    {
      name: 'Service',
      path: ({ spec }) => (spec.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local'),
    },
    {
      name: 'Available',
      path: ({ status }) => status?.conditions?.find(({ type }) => type === 'Available')?.status ?? 'Unknown',
    },
    age,
  ],
  check({ metadata, spec }) {
    const name = `${spec.version ?? ''}.${spec.group ?? ''}`
    return metadata.name === name
      ? []
      : [{ field: 'metadata.name', message: `must be ${JSON.stringify(name)}: version, a dot, the group` }]
  },
})
export type APIService = ObjectOf<typeof APIService>
