/**
 * How a field of a message becomes JSON.
 *
 * Go writes a plain field even when it is empty and a pointer only when it is set, so `count` and `flag` (plain) leave
 * zeros out, and `integer` and `boolean` (pointers) keep them. `bytes` become base64; `status` is what a client does not set.
 */
export type FieldType =
  | 'string'
  | 'strings'
  | 'integer'
  | 'count'
  | 'boolean'
  | 'flag'
  | 'quantity'
  | 'int-or-string'
  | 'status'
  | Message
  | { list: Message }
  | { map: 'string' | 'bytes' | 'quantity' }
  /** The message's own fields stand in its parent, as an inlined Go struct's do. */
  | { inline: Message }

type Field = readonly [name: string, type: FieldType]
/** Fields by number. */
export interface Message {
  readonly [number: number]: Field
}

const texts = { map: 'string' } as const
const quantities = { map: 'quantity' } as const

const metadata: Message = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  4: ['selfLink', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'count'],
  8: ['creationTimestamp', 'status'],
  11: ['labels', texts],
  12: ['annotations', texts],
  13: [
    'ownerReferences',
    {
      list: {
        1: ['kind', 'string'],
        3: ['name', 'string'],
        4: ['uid', 'string'],
        5: ['apiVersion', 'string'],
        6: ['controller', 'boolean'],
        7: ['blockOwnerDeletion', 'boolean'],
      },
    },
  ],
  14: ['finalizers', 'strings'],
}
const meta = ['metadata', metadata] as const
const labelSelector: Message = {
  1: ['matchLabels', texts],
  2: ['matchExpressions', { list: { 1: ['key', 'string'], 2: ['operator', 'string'], 3: ['values', 'strings'] } }],
}

const resourceAttributes: Message = {
  1: ['namespace', 'string'],
  2: ['verb', 'string'],
  3: ['group', 'string'],
  4: ['version', 'string'],
  5: ['resource', 'string'],
  6: ['subresource', 'string'],
  7: ['name', 'string'],
}
const nonResourceAttributes: Message = { 1: ['path', 'string'], 2: ['verb', 'string'] }
const selfSpec: Message = {
  1: ['resourceAttributes', resourceAttributes],
  2: ['nonResourceAttributes', nonResourceAttributes],
}
const subjectSpec: Message = {
  ...selfSpec,
  3: ['user', 'string'],
  4: ['groups', 'strings'],
  6: ['uid', 'string'],
}
const deleteOptions: Message = {
  1: ['gracePeriodSeconds', 'integer'],
  2: ['preconditions', { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] }],
  3: ['orphanDependents', 'boolean'],
  4: ['propagationPolicy', 'string'],
  5: ['dryRun', 'strings'],
}
const boundObject: Message = {
  1: ['kind', 'string'],
  2: ['apiVersion', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
}
const reference: Message = { 1: ['name', 'string'] }

const rules = {
  list: {
    1: ['verbs', 'strings'],
    2: ['apiGroups', 'strings'],
    3: ['resources', 'strings'],
    4: ['resourceNames', 'strings'],
    5: ['nonResourceURLs', 'strings'],
  },
} as const
const binding: Message = {
  1: meta,
  2: [
    'subjects',
    { list: { 1: ['kind', 'string'], 2: ['apiGroup', 'string'], 3: ['name', 'string'], 4: ['namespace', 'string'] } },
  ],
  3: ['roleRef', { 1: ['apiGroup', 'string'], 2: ['kind', 'string'], 3: ['name', 'string'] }],
}

const container: Message = {
  1: ['name', 'string'],
  2: ['image', 'string'],
  3: ['command', 'strings'],
  4: ['args', 'strings'],
  5: ['workingDir', 'string'],
  6: [
    'ports',
    {
      list: {
        1: ['name', 'string'],
        2: ['hostPort', 'count'],
        3: ['containerPort', 'count'],
        4: ['protocol', 'string'],
        5: ['hostIP', 'string'],
      },
    },
  ],
  7: ['env', { list: { 1: ['name', 'string'], 2: ['value', 'string'] } }],
  8: ['resources', { 1: ['limits', quantities], 2: ['requests', quantities] }],
  13: ['terminationMessagePath', 'string'],
  14: ['imagePullPolicy', 'string'],
  16: ['stdin', 'flag'],
  17: ['stdinOnce', 'flag'],
  18: ['tty', 'flag'],
  20: ['terminationMessagePolicy', 'string'],
}
const podTemplate: Message = {
  1: meta,
  2: [
    'spec',
    {
      2: ['containers', { list: container }],
      3: ['restartPolicy', 'string'],
      4: ['terminationGracePeriodSeconds', 'integer'],
      6: ['dnsPolicy', 'string'],
      7: ['nodeSelector', texts],
      8: ['serviceAccountName', 'string'],
      10: ['nodeName', 'string'],
      11: ['hostNetwork', 'flag'],
      12: ['hostPID', 'flag'],
      13: ['hostIPC', 'flag'],
      14: ['securityContext', {}],
      16: ['hostname', 'string'],
      17: ['subdomain', 'string'],
      19: ['schedulerName', 'string'],
      20: ['initContainers', { list: container }],
      24: ['priorityClassName', 'string'],
    },
  ],
}
const jobSpec: Message = {
  1: ['parallelism', 'integer'],
  2: ['completions', 'integer'],
  3: ['activeDeadlineSeconds', 'integer'],
  4: ['selector', labelSelector],
  5: ['manualSelector', 'boolean'],
  6: ['template', podTemplate],
  7: ['backoffLimit', 'integer'],
  8: ['ttlSecondsAfterFinished', 'integer'],
}
const ingressBackend: Message = {
  4: ['service', { 1: ['name', 'string'], 2: ['port', { 1: ['name', 'string'], 2: ['number', 'count'] }] }],
}

/**
 * The kinds whose objects kubectl's `create`, `auth`, `drain` and their like send as protobuf, whatever the server says it
 * takes, and of these the fields that those commands can set.
 *
 * @see the generated.proto files in k8s.io/api and k8s.io/apimachinery for the numbers
 */
export const messages: Readonly<Record<string, Message>> = {
  SelfSubjectAccessReview: { 1: meta, 2: ['spec', selfSpec], 3: ['status', 'status'] },
  SelfSubjectRulesReview: { 1: meta, 2: ['spec', { 1: ['namespace', 'string'] }], 3: ['status', 'status'] },
  SelfSubjectReview: { 1: meta, 2: ['status', 'status'] },
  SubjectAccessReview: { 1: meta, 2: ['spec', subjectSpec], 3: ['status', 'status'] },
  LocalSubjectAccessReview: { 1: meta, 2: ['spec', subjectSpec], 3: ['status', 'status'] },
  TokenReview: {
    1: meta,
    2: ['spec', { 1: ['token', 'string'], 2: ['audiences', 'strings'] }],
    3: ['status', 'status'],
  },
  TokenRequest: {
    1: meta,
    2: [
      'spec',
      { 1: ['audiences', 'strings'], 3: ['boundObjectRef', boundObject], 4: ['expirationSeconds', 'integer'] },
    ],
    3: ['status', 'status'],
  },
  Eviction: { 1: meta, 2: ['deleteOptions', deleteOptions] },
  DeleteOptions: deleteOptions,
  Namespace: { 1: meta, 2: ['spec', { 1: ['finalizers', 'strings'] }], 3: ['status', 'status'] },
  ConfigMap: { 1: meta, 2: ['data', texts], 3: ['binaryData', { map: 'bytes' }], 4: ['immutable', 'boolean'] },
  Secret: {
    1: meta,
    2: ['data', { map: 'bytes' }],
    3: ['type', 'string'],
    4: ['stringData', texts],
    5: ['immutable', 'boolean'],
  },
  ServiceAccount: {
    1: meta,
    2: ['secrets', { list: { 3: ['name', 'string'] } }],
    3: ['imagePullSecrets', { list: reference }],
    4: ['automountServiceAccountToken', 'boolean'],
  },
  Role: { 1: meta, 2: ['rules', rules] },
  ClusterRole: {
    1: meta,
    2: ['rules', rules],
    3: ['aggregationRule', { 1: ['clusterRoleSelectors', { list: labelSelector }] }],
  },
  RoleBinding: binding,
  ClusterRoleBinding: binding,
  ResourceQuota: {
    1: meta,
    2: ['spec', { 1: ['hard', quantities], 2: ['scopes', 'strings'] }],
    3: ['status', 'status'],
  },
  PriorityClass: {
    1: meta,
    2: ['value', 'count'],
    3: ['globalDefault', 'flag'],
    4: ['description', 'string'],
    5: ['preemptionPolicy', 'string'],
  },
  PodDisruptionBudget: {
    1: meta,
    2: [
      'spec',
      { 1: ['minAvailable', 'int-or-string'], 2: ['selector', labelSelector], 3: ['maxUnavailable', 'int-or-string'] },
    ],
    3: ['status', 'status'],
  },
  Deployment: {
    1: meta,
    2: [
      'spec',
      {
        1: ['replicas', 'integer'],
        2: ['selector', labelSelector],
        3: ['template', podTemplate],
        4: ['strategy', { 1: ['type', 'string'] }],
        5: ['minReadySeconds', 'count'],
        6: ['revisionHistoryLimit', 'integer'],
        7: ['paused', 'flag'],
        9: ['progressDeadlineSeconds', 'integer'],
      },
    ],
    3: ['status', 'status'],
  },
  Job: { 1: meta, 2: ['spec', jobSpec], 3: ['status', 'status'] },
  CronJob: {
    1: meta,
    2: [
      'spec',
      {
        1: ['schedule', 'string'],
        2: ['startingDeadlineSeconds', 'integer'],
        3: ['concurrencyPolicy', 'string'],
        4: ['suspend', 'boolean'],
        5: ['jobTemplate', { 1: meta, 2: ['spec', jobSpec] }],
        6: ['successfulJobsHistoryLimit', 'integer'],
        7: ['failedJobsHistoryLimit', 'integer'],
      },
    ],
    3: ['status', 'status'],
  },
  Service: {
    1: meta,
    2: [
      'spec',
      {
        1: [
          'ports',
          {
            list: {
              1: ['name', 'string'],
              2: ['protocol', 'string'],
              3: ['port', 'count'],
              4: ['targetPort', 'int-or-string'],
              5: ['nodePort', 'count'],
              6: ['appProtocol', 'string'],
            },
          },
        ],
        2: ['selector', texts],
        3: ['clusterIP', 'string'],
        4: ['type', 'string'],
        5: ['externalIPs', 'strings'],
        7: ['sessionAffinity', 'string'],
        8: ['loadBalancerIP', 'string'],
        10: ['externalName', 'string'],
        11: ['externalTrafficPolicy', 'string'],
        12: ['healthCheckNodePort', 'count'],
        13: ['publishNotReadyAddresses', 'flag'],
        18: ['clusterIPs', 'strings'],
      },
    ],
    3: ['status', 'status'],
  },
  Ingress: {
    1: meta,
    2: [
      'spec',
      {
        1: ['defaultBackend', ingressBackend],
        2: ['tls', { list: { 1: ['hosts', 'strings'], 2: ['secretName', 'string'] } }],
        3: [
          'rules',
          {
            list: {
              1: ['host', 'string'],
              2: [
                'value',
                {
                  inline: {
                    1: [
                      'http',
                      {
                        1: [
                          'paths',
                          {
                            list: { 1: ['path', 'string'], 2: ['backend', ingressBackend], 3: ['pathType', 'string'] },
                          },
                        ],
                      },
                    ],
                  },
                },
              ],
            },
          },
        ],
        4: ['ingressClassName', 'string'],
      },
    ],
    3: ['status', 'status'],
  },
}
