import { admissionregistration } from '../admissionregistration/protobuf.ts'
import { apiextensions } from '../apiextensions/protobuf.ts'
import { apiregistration } from '../apiregistration/protobuf.ts'
import { apps } from '../apps/protobuf.ts'
import { authentication } from '../authentication/protobuf.ts'
import { authorization } from '../authorization/protobuf.ts'
import { autoscalingV1 } from '../autoscaling/protobuf-v1.ts'
import { autoscaling } from '../autoscaling/protobuf.ts'
import { batch } from '../batch/protobuf.ts'
import { certificates } from '../certificates/protobuf.ts'
import { coordination } from '../coordination/protobuf.ts'
import { pods } from '../core/protobuf-pods.ts'
import { volumes } from '../core/protobuf-volumes.ts'
import { core } from '../core/protobuf.ts'
import { discovery } from '../discovery/protobuf.ts'
import { events } from '../events/protobuf.ts'
import { networking } from '../networking/protobuf.ts'
import { node } from '../node/protobuf.ts'
import { policy } from '../policy/protobuf.ts'
import { rbac } from '../rbac/protobuf.ts'
import { scheduling } from '../scheduling/protobuf.ts'
import { storage } from '../storage/protobuf.ts'
import { messages, type MessageType, type Messages } from './messages.ts'
import { meta } from './meta.ts'

/** The groups whose kinds have a protobuf form: Kubernetes' own. A CustomResourceDefinition's kinds have none. */
const groups: Readonly<Record<string, Messages>> = {
  v1: messages([core, pods, volumes, meta], ''),
  'meta.k8s.io/v1': meta,
  'apps/v1': apps,
  'batch/v1': batch,
  'autoscaling/v1': autoscalingV1,
  'autoscaling/v2': autoscaling,
  'policy/v1': policy,
  // Clients of Kubernetes before 1.21 send these; the messages are the same.
  'batch/v1beta1': batch,
  'policy/v1beta1': policy,
  'rbac.authorization.k8s.io/v1': rbac,
  'authentication.k8s.io/v1': authentication,
  'authorization.k8s.io/v1': authorization,
  'networking.k8s.io/v1': networking,
  'discovery.k8s.io/v1': discovery,
  'scheduling.k8s.io/v1': scheduling,
  'node.k8s.io/v1': node,
  'certificates.k8s.io/v1': certificates,
  'storage.k8s.io/v1': storage,
  'coordination.k8s.io/v1': coordination,
  'events.k8s.io/v1': events,
  'admissionregistration.k8s.io/v1': admissionregistration,
  'apiextensions.k8s.io/v1': apiextensions,
  'apiregistration.k8s.io/v1': apiregistration,
}

/** Kinds of meta.k8s.io that clients send and get under any group's version. */
const everywhere = new Set(['DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'Status'])

/** The message of a kind; undefined for one that has no protobuf form. */
export function messageOf(apiVersion: string, kind: string): MessageType | undefined {
  if (everywhere.has(kind)) return meta.get(kind)
  // A kind of the same name in another group, such as a role, is none of this one's messages.
  const group = Object.hasOwn(groups, apiVersion) ? groups[apiVersion] : undefined
  const message = group?.get(kind)
  return message?.byNumber[1]?.name === 'metadata' ? message : undefined
}
