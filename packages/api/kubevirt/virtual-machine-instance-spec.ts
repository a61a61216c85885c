import { type Static } from 'typebox'
import { Affinity, Toleration, TopologySpreadConstraint } from '../core/affinity.ts'
import { PodDNSConfig } from '../core/pod-spec.ts'
import { flag, int64, labels, list, listBy, object, oneOf, text } from '../schema.ts'
import { AccessCredential } from './access-credential.ts'
import { Domain } from './domain.ts'
import { Network } from './network.ts'
import { Probe } from './probe.ts'
import { Volume } from './volume.ts'

/** One run of a virtual machine: the machine, its media and networks, and where it may run. */
export const VirtualMachineInstanceSpec = object(
  { domain: Domain },
  {
    volumes: list(Volume),
    networks: list(Network),
    utilityVolumes: listBy(object({ name: text, claimName: text }, { readOnly: flag, type: text }), ['name']),
    accessCredentials: list(AccessCredential),
    nodeSelector: labels,
    affinity: Affinity,
    tolerations: list(Toleration),
    topologySpreadConstraints: listBy(TopologySpreadConstraint, ['topologyKey', 'whenUnsatisfiable']),
    schedulerName: text,
    priorityClassName: text,
    evictionStrategy: text,
    startStrategy: text,
    terminationGracePeriodSeconds: int64,
    hostname: text,
    subdomain: text,
    dnsPolicy: oneOf('ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'),
    dnsConfig: PodDNSConfig,
    livenessProbe: Probe,
    readinessProbe: Probe,
    architecture: text,
    serviceAccountName: text,
    resourceClaims: listBy(object({ name: text }, { resourceClaimName: text, resourceClaimTemplateName: text }), [
      'name',
    ]),
  },
)
export type VirtualMachineInstanceSpec = Static<typeof VirtualMachineInstanceSpec>
