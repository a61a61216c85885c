import { selectorText } from '../apps/workload.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { LabelSelector } from '../meta.ts'
import { having, int32, IntOrString, list, object, optional, text, texts } from '../schema.ts'

const peers = list(
  optional({
    podSelector: LabelSelector,
    namespaceSelector: LabelSelector,
    ipBlock: object({ cidr: text }, { except: texts }),
  }),
)
const ports = list(optional({ protocol: having(text, { default: 'TCP' }), port: IntOrString, endPort: int32 }))

/** Which traffic to and from pods is let through. */
export const NetworkPolicy = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  description: 'Which traffic to and from pods is let through.',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  namespaced: true,
  specOptional: true,
  spec: optional({
    podSelector: LabelSelector,
    policyTypes: texts,
    ingress: list(optional({ from: peers, ports })),
    egress: list(optional({ to: peers, ports })),
  }),
  columns: [{ name: 'Pod-Selector', path: ({ spec }) => selectorText(spec?.podSelector) }, age],
  fillDefaults(policy) {
    policy.spec ??= {}
    policy.spec.podSelector ??= {}
    policy.spec.policyTypes ??= policy.spec.egress ? ['Ingress', 'Egress'] : ['Ingress']
  },
})
export type NetworkPolicy = ObjectOf<typeof NetworkPolicy>
