import type { Static } from 'typebox'
import { Affinity, Toleration, TopologySpreadConstraint } from '../core/affinity.ts'
import { PodDNSConfig } from '../core/pod-spec.ts'
import { about, flag, int64, labels, list, listBy, object, oneOf, text } from '../schema.ts'
import { AccessCredential } from './access-credential.ts'
import { Domain } from './domain.ts'
import { Network } from './network.ts'
import { Probe } from './probe.ts'
import { Volume } from './volume.ts'

/** One run of a virtual machine: the machine, its media and networks, and where it may run. */
export const VirtualMachineInstanceSpec = object(
  { domain: Domain },
  {
    volumes: about(list(Volume), 'The media of the disks, by name.'),
    networks: about(list(Network), 'The networks of the interfaces, by name.'),
    utilityVolumes: listBy(object({ name: text, claimName: text }, { readOnly: flag, type: text }), ['name']),
    accessCredentials: list(AccessCredential),
    nodeSelector: about(labels, 'Labels that the node must have.'),
    affinity: Affinity,
    tolerations: list(Toleration),
    topologySpreadConstraints: listBy(TopologySpreadConstraint, ['topologyKey', 'whenUnsatisfiable']),
    schedulerName: text,
    priorityClassName: text,
    evictionStrategy: about(
      text,
      'What happens when the node is emptied: LiveMigrate, LiveMigrateIfPossible, External or None.',
    ),
    startStrategy: text,
    terminationGracePeriodSeconds: about(int64, 'Seconds between the request to shut down and the end.'),
    hostname: about(text, "The guest's host name; the machine's name unless said."),
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
