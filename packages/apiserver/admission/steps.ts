import type { AdmissionStep } from '../admission.ts'
import type { NodeGraph } from '../auth/node/node-graph.ts'
import type { Objects } from '../auth/objects.ts'
import type { EscalationCheck } from '../auth/rbac/escalation.ts'
import type { Authorizer } from '../user.ts'
import { certificateRequests } from './certificate-requests.ts'
import { createPermission } from './create-permission.ts'
import { limitRanger } from './limit-ranger.ts'
import { localCredentials } from './local-credentials.ts'
import { nodeRestriction } from './node-restriction.ts'
import { podPriority, podServiceAccount } from './pod-defaults.ts'
import type { QuotaLedger } from './quota/quota-ledger.ts'
import { requesterFields } from './requester-fields.ts'
import { roleEscalation } from './role-escalation.ts'
import { claimResize, defaultStorageClass } from './storage.ts'

/**
 * The built-in admission steps in their order. Webhooks go before the quota, which comes last so that it books only what
 * nothing else refuses.
 */
export function clusterAdmission(parts: {
  objects: () => Objects
  quota: QuotaLedger
  graph: NodeGraph
  escalation: EscalationCheck
  authorizer: Authorizer
}): AdmissionStep[] {
  const { objects, quota, graph, escalation, authorizer } = parts
  return [
    requesterFields,
    certificateRequests(authorizer),
    limitRanger(objects),
    podServiceAccount(objects),
    podPriority(objects),
    defaultStorageClass(objects),
    createPermission(authorizer),
    nodeRestriction(graph, objects),
    roleEscalation(escalation),
    localCredentials(authorizer, objects),
    claimResize(objects),
    {
      name: 'ResourceQuota',
      async validate(request) {
        if (request.subresource !== '' || (request.operation !== 'CREATE' && request.operation !== 'UPDATE')) return
        return quota.book(request)
      },
    },
  ]
}
