import type { Static } from 'typebox'
import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { flag, having, int32, IntOrString, labels, list, listBy, object, oneOf, optional, text } from '../schema.ts'
import { selectorText } from '../apps/workload.ts'

const port = object(
  { port: int32 },
  {
    name: text,
    protocol: having(oneOf('TCP', 'UDP', 'SCTP'), { default: 'TCP' }),
    targetPort: IntOrString,
    nodePort: int32,
    appProtocol: text,
  },
)

/** Which pods, under which address and ports. */
export const ServiceSpec = optional({
  type: having(oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'), { default: 'ClusterIP' }),
  ports: listBy(port, ['port', 'protocol'], 'port'),
  selector: { ...labels, 'x-kubernetes-map-type': 'atomic' },
  clusterIP: text,
  clusterIPs: list(text),
  ipFamilies: list(oneOf('IPv4', 'IPv6')),
  ipFamilyPolicy: oneOf('SingleStack', 'PreferDualStack', 'RequireDualStack'),
  externalIPs: list(text),
  externalName: text,
  externalTrafficPolicy: text,
  internalTrafficPolicy: text,
  trafficDistribution: text,
  healthCheckNodePort: int32,
  loadBalancerIP: text,
  loadBalancerClass: text,
  loadBalancerSourceRanges: list(text),
  allocateLoadBalancerNodePorts: flag,
  publishNotReadyAddresses: flag,
  sessionAffinity: having(oneOf('None', 'ClientIP'), { default: 'None' }),
  sessionAffinityConfig: optional({ clientIP: optional({ timeoutSeconds: having(int32, { default: 10_800 }) }) }),
})
export type ServiceSpec = Static<typeof ServiceSpec>

/** One address for many pods. */
export const Service = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  description: 'One address for many pods.',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  specOptional: true,
  spec: ServiceSpec,
  status: optional({
    loadBalancer: optional({
      ingress: list(
        optional({
          ip: text,
          hostname: text,
          ipMode: text,
          ports: list(object({ port: int32, protocol: text }, { error: text })),
        }),
      ),
    }),
    conditions: Conditions,
  }),
  columns: [
    column('Type', '.spec.type'),
    { name: 'Cluster-IP', path: ({ spec }) => spec?.clusterIP || '<none>' },
    {
      name: 'External-IP',
      path({ spec, status }) {
        if (spec?.type === 'ExternalName') return spec.externalName
        const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')
        const all = [...given, ...(spec?.externalIPs ?? [])].join(',')
        return all || (spec?.type === 'LoadBalancer' ? '<pending>' : '<none>')
      },
    },
    {
      name: 'Port(s)',
      path: ({ spec }) =>
        (spec?.ports ?? [])
          .map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`)
          .join(',') || '<none>',
    },
    age,
    { name: 'Selector', priority: 1, path: ({ spec }) => selectorText({ matchLabels: spec?.selector }) },
  ],
  selectableFields: ['.spec.clusterIP', '.spec.type'],
  fillDefaults(service) {
    const spec = (service.spec ??= {})
    const type = spec.type ?? 'ClusterIP'
    if (type === 'ExternalName') return
    spec.internalTrafficPolicy ??= 'Cluster'
    if (type === 'NodePort' || type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster'
    if (type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
    if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } }
    if (Array.isArray(spec.ports)) for (const one of spec.ports) if (one) one.targetPort ??= one.port
    if (spec.clusterIP && !spec.clusterIPs) spec.clusterIPs = [spec.clusterIP]
  },
  check: ({ spec }) => checkPorts(spec ?? {}),
  checkUpdate(next, previous) {
    const was = previous.spec?.clusterIP
    const keeps = next.spec?.type !== 'ExternalName' && previous.spec?.type !== 'ExternalName'
    if (!was || !keeps || next.spec?.clusterIP === was) return []
    return [{ field: 'spec.clusterIP', message: `field is immutable; keep ${was}` }]
  },
})
export type Service = ObjectOf<typeof Service>

function checkPorts(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  if (spec.type === 'ExternalName') {
    if (!spec.externalName)
      errors.push({ field: 'spec.externalName', message: 'name the host to point to', reason: 'FieldValueRequired' })
    return errors
  }
  if (!spec.ports?.length && spec.clusterIP !== 'None')
    errors.push({ field: 'spec.ports', message: 'give at least one port', reason: 'FieldValueRequired' })
  const names = new Set<string>()
  for (const [index, { port: number, name, nodePort }] of (spec.ports ?? []).entries()) {
    const at = `spec.ports[${index}]`
    if (number < 1 || number > 65535) errors.push({ field: `${at}.port`, message: 'must be between 1 and 65535' })
    if (nodePort && spec.type === 'ClusterIP')
      errors.push({
        field: `${at}.nodePort`,
        message: 'may not be used when `type` is ClusterIP',
        reason: 'FieldValueForbidden',
      })
    if ((spec.ports?.length ?? 0) > 1 && !name)
      errors.push({
        field: `${at}.name`,
        message: 'name each port when there are several',
        reason: 'FieldValueRequired',
      })
    if (name && names.has(name))
      errors.push({ field: `${at}.name`, message: 'is there twice', reason: 'FieldValueDuplicate' })
    if (name) names.add(name)
  }
  return errors
}
