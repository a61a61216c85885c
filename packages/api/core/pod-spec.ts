import type { Static } from 'typebox'
import { ObjectMeta } from '../meta.ts'
import {
  flag,
  having,
  int32,
  int64,
  labels,
  list,
  listBy,
  object,
  oneOf,
  optional,
  ResourceList,
  text,
  texts,
} from '../schema.ts'
import { Affinity, Toleration, TopologySpreadConstraints } from './affinity.ts'
import { Container, EphemeralContainer } from './container.ts'
import { LocalObjectReference } from './references.ts'
import { ResourceRequirements } from './resources.ts'
import { PodSecurityContext } from './security-context.ts'
import { Volume } from './volume.ts'

/** A pod's own DNS settings. */
export const PodDNSConfig = optional({
  nameservers: texts,
  searches: texts,
  options: list(optional({ name: text, value: text })),
})

/** What runs in a pod, and what it needs of the node. */
export const PodSpec = object(
  { containers: listBy(Container, ['name'], 'name') },
  {
    initContainers: listBy(Container, ['name'], 'name'),
    ephemeralContainers: listBy(EphemeralContainer, ['name'], 'name'),
    volumes: having(listBy(Volume, ['name'], 'name'), { 'x-kubernetes-patch-strategy': 'merge,retainKeys' }),
    restartPolicy: having(oneOf('Always', 'OnFailure', 'Never'), { default: 'Always' }),
    terminationGracePeriodSeconds: having(int64, { default: 30 }),
    activeDeadlineSeconds: int64,
    dnsPolicy: having(oneOf('ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'), {
      default: 'ClusterFirst',
    }),
    dnsConfig: PodDNSConfig,
    nodeSelector: labels,
    serviceAccountName: text,
    serviceAccount: text,
    automountServiceAccountToken: flag,
    nodeName: text,
    hostNetwork: flag,
    hostPID: flag,
    hostIPC: flag,
    hostUsers: flag,
    hostname: text,
    hostnameOverride: text,
    subdomain: text,
    setHostnameAsFQDN: flag,
    shareProcessNamespace: flag,
    securityContext: having(PodSecurityContext, { default: {} }),
    imagePullSecrets: listBy(LocalObjectReference, ['name'], 'name'),
    affinity: Affinity,
    schedulerName: having(text, { default: 'default-scheduler' }),
    tolerations: list(Toleration),
    hostAliases: listBy(object({ ip: text }, { hostnames: texts }), ['ip'], 'ip'),
    priorityClassName: text,
    priority: int32,
    preemptionPolicy: text,
    readinessGates: list(object({ conditionType: text })),
    runtimeClassName: text,
    enableServiceLinks: having(flag, { default: true }),
    overhead: ResourceList,
    topologySpreadConstraints: TopologySpreadConstraints,
    os: object({ name: text }),
    schedulingGates: listBy(object({ name: text }), ['name'], 'name'),
    resourceClaims: having(
      listBy(object({ name: text }, { resourceClaimName: text, resourceClaimTemplateName: text }), ['name'], 'name'),
      { 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
    ),
    resources: ResourceRequirements,
  },
)
export type PodSpec = Static<typeof PodSpec>

/** A pod to be made, as workloads carry it. */
export const PodTemplateSpec = optional({ metadata: ObjectMeta, spec: PodSpec })
export type PodTemplateSpec = Static<typeof PodTemplateSpec>
