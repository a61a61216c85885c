import type { BindingObject, BindingSubject, RoleObject } from './rbac-index.ts'
import { rbacGroup } from './rbac-index.ts'
import type { PolicyRule } from './rules.ts'

const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']
const all = [...write, ...read]

const rule = (apiGroup: string, resources: string[], verbs: string[]): PolicyRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
})
const paths = (...nonResourceURLs: string[]): PolicyRule => ({ nonResourceURLs, verbs: ['get'] })

/** Namespaced resources that someone who only looks on may read: nothing here holds a secret. */
const viewable: [group: string, resources: string[]][] = [
  [
    '',
    [
      'bindings',
      'configmaps',
      'endpoints',
      'events',
      'limitranges',
      'namespaces',
      'namespaces/status',
      'persistentvolumeclaims',
      'persistentvolumeclaims/status',
      'pods',
      'pods/log',
      'pods/status',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'resourcequotas',
      'resourcequotas/status',
      'serviceaccounts',
      'services',
      'services/status',
    ],
  ],
  [
    'apps',
    [
      'controllerrevisions',
      'daemonsets',
      'deployments',
      'deployments/scale',
      'deployments/status',
      'replicasets',
      'replicasets/scale',
      'statefulsets',
      'statefulsets/scale',
      'statefulsets/status',
    ],
  ],
  ['autoscaling', ['horizontalpodautoscalers', 'horizontalpodautoscalers/status']],
  ['batch', ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status']],
  ['discovery.k8s.io', ['endpointslices']],
  ['networking.k8s.io', ['ingresses', 'ingresses/status', 'networkpolicies']],
  ['policy', ['poddisruptionbudgets', 'poddisruptionbudgets/status']],
]

const editable: [group: string, resources: string[]][] = [
  [
    '',
    [
      'configmaps',
      'endpoints',
      'events',
      'persistentvolumeclaims',
      'pods',
      'pods/eviction',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'secrets',
      'serviceaccounts',
      'services',
    ],
  ],
  [
    'apps',
    [
      'daemonsets',
      'deployments',
      'deployments/rollback',
      'deployments/scale',
      'replicasets',
      'replicasets/scale',
      'statefulsets',
      'statefulsets/scale',
    ],
  ],
  ['autoscaling', ['horizontalpodautoscalers']],
  ['batch', ['cronjobs', 'jobs']],
  ['coordination.k8s.io', ['leases']],
  ['networking.k8s.io', ['ingresses', 'networkpolicies']],
  ['policy', ['poddisruptionbudgets']],
]

/** The parts of a running machine that one reads, and those by which one commands it (`subresources.kubevirt.io`). */
const guestReads = [
  'virtualmachines/expand-spec',
  'virtualmachines/objectgraph',
  'virtualmachineinstances/objectgraph',
  'virtualmachineinstances/guestosinfo',
  'virtualmachineinstances/filesystemlist',
  'virtualmachineinstances/userlist',
]
const guestCommands = [
  'virtualmachines/start',
  'virtualmachines/stop',
  'virtualmachines/restart',
  'virtualmachines/addvolume',
  'virtualmachines/removevolume',
  'virtualmachines/migrate',
  'virtualmachines/memorydump',
  'virtualmachines/removememorydump',
  'virtualmachines/evacuate/cancel',
  'virtualmachineinstances/pause',
  'virtualmachineinstances/unpause',
  'virtualmachineinstances/softreboot',
  'virtualmachineinstances/reset',
  'virtualmachineinstances/sendkeys',
  'virtualmachineinstances/freeze',
  'virtualmachineinstances/unfreeze',
  'virtualmachineinstances/addvolume',
  'virtualmachineinstances/removevolume',
  'virtualmachineinstances/evacuate/cancel',
  'virtualmachineinstances/sev/setupsession',
  'virtualmachineinstances/sev/injectlaunchsecret',
]
const guestScreens = [
  'virtualmachineinstances/console',
  'virtualmachineinstances/console/log',
  'virtualmachineinstances/vnc',
  'virtualmachineinstances/vnc/screenshot',
  'virtualmachineinstances/portforward',
  'virtualmachineinstances/usbredir',
  'virtualmachines/portforward',
]
const guest = 'subresources.kubevirt.io'

const machineGroups: [group: string, resources: string[]][] = [
  [
    'kubevirt.io',
    [
      'virtualmachines',
      'virtualmachineinstances',
      'virtualmachineinstancepresets',
      'virtualmachineinstancereplicasets',
      'virtualmachineinstancemigrations',
    ],
  ],
  ['snapshot.kubevirt.io', ['virtualmachinesnapshots', 'virtualmachinesnapshotcontents', 'virtualmachinerestores']],
  ['export.kubevirt.io', ['virtualmachineexports']],
  ['clone.kubevirt.io', ['virtualmachineclones']],
  ['instancetype.kubevirt.io', ['virtualmachineinstancetypes', 'virtualmachinepreferences']],
  ['pool.kubevirt.io', ['virtualmachinepools']],
  ['snapshot.storage.k8s.io', ['volumesnapshots']],
  [
    'harvesterhci.io',
    [
      'keypairs',
      'resourcequotas',
      'schedulevmbackups',
      'virtualmachinebackups',
      'virtualmachineimages',
      'virtualmachineimages/upload',
      'virtualmachineimages/download',
      'virtualmachineimagedownloaders',
      'virtualmachinerestores',
      'virtualmachinetemplates',
      'virtualmachinetemplateversions',
      'volumeremotebackups',
      'volumeremoterestores',
    ],
  ],
  ['k8s.cni.cncf.io', ['network-attachment-definitions']],
  ['loadbalancer.harvesterhci.io', ['loadbalancers']],
]
const rulesFor = (groups: [string, string[]][], verbs: string[]) =>
  groups.map(([group, resources]) => rule(group, resources, verbs))

const to = (role: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' })

function clusterRole(name: string, rules: PolicyRule[], labels: Record<string, string> = {}): RoleObject {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: 'ClusterRole',
    metadata: {
      name,
      labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
      annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
    },
    rules,
  }
}

function aggregated(name: string, labels: Record<string, string> = {}): RoleObject {
  return {
    ...clusterRole(name, [], labels),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: to(name) }] },
  }
}

function clusterBinding(name: string, role: string, ...subjects: BindingSubject[]): BindingObject {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: {
      name,
      labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
      annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
    },
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects,
  }
}

const group = (name: string): BindingSubject => ({ apiGroup: rbacGroup, kind: 'Group', name })

/** The ClusterRoles that every cluster has from its first start. */
export const bootstrapRoles: RoleObject[] = [
  clusterRole('cluster-admin', [
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ]),
  clusterRole('system:discovery', [
    paths(
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/openapi',
      '/openapi/*',
      '/readyz',
      '/version',
      '/version/',
    ),
  ]),
  clusterRole('system:public-info-viewer', [paths('/healthz', '/livez', '/readyz', '/version', '/version/')]),
  clusterRole('system:service-account-issuer-discovery', [
    paths(
      '/.well-known/openid-configuration',
      '/.well-known/openid-configuration/',
      '/openid/v1/jwks',
      '/openid/v1/jwks/',
    ),
  ]),
  clusterRole('system:basic-user', [
    rule('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    rule('authentication.k8s.io', ['selfsubjectreviews'], ['create']),
  ]),
  clusterRole('system:monitoring', [
    paths('/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*'),
    paths('/metrics', '/metrics/resource', '/metrics/slis'),
  ]),
  clusterRole('system:auth-delegator', [
    rule('authentication.k8s.io', ['tokenreviews'], ['create']),
    rule('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
  ]),
  clusterRole('system:node-bootstrapper', [
    rule('certificates.k8s.io', ['certificatesigningrequests'], ['create', 'get', 'list', 'watch']),
  ]),
  // What nodes may do is decided by the node authorizer, object by object; this role is for tools that look for it.
  clusterRole('system:node', []),

  aggregated('admin'),
  aggregated('edit', to('admin')),
  aggregated('view', to('edit')),
  clusterRole('system:aggregate-to-view', rulesFor(viewable, read), to('view')),
  clusterRole(
    'system:aggregate-to-edit',
    [
      ...rulesFor(editable, write),
      rule('', ['secrets'], read),
      rule('coordination.k8s.io', ['leases'], read),
      rule('', ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'services/proxy'], ['create', ...read]),
      rule('', ['serviceaccounts'], ['impersonate']),
      rule('', ['serviceaccounts/token'], ['create']),
    ],
    to('edit'),
  ),
  clusterRole(
    'system:aggregate-to-admin',
    [
      rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
      rule(rbacGroup, ['roles', 'rolebindings'], all),
    ],
    to('admin'),
  ),

  clusterRole('system:aggregated-metrics-reader', [rule('metrics.k8s.io', ['pods'], ['get', 'list'])], to('view')),
  clusterRole(
    'kubevirt.io:view',
    [
      ...rulesFor(machineGroups, read),
      rule(guest, guestReads, ['get']),
      rule('metrics.thresher.io', ['virtualmachines', 'virtualmachines/history'], ['get', 'list']),
    ],
    to('view'),
  ),
  clusterRole(
    'kubevirt.io:edit',
    [
      ...rulesFor(machineGroups, write),
      rule(guest, guestScreens, ['get', 'update']),
      rule(guest, guestCommands, ['update']),
      rule(guest, ['virtualmachines/expand-vm-spec', 'expand-vm-spec'], ['update']),
    ],
    to('edit'),
  ),
  clusterRole('kubevirt.io:admin', [], to('admin')),
  clusterRole('kubevirt.io:default', [
    rule('kubevirt.io', ['kubevirts'], ['get', 'list']),
    rule('instancetype.kubevirt.io', ['virtualmachineclusterinstancetypes', 'virtualmachineclusterpreferences'], read),
    rule(guest, ['version', 'guestfs'], ['get', 'list']),
  ]),

  clusterRole('harvesterhci.io:cloudprovider', [
    rule('', ['namespaces', 'nodes', 'persistentvolumeclaims', 'pods', 'services'], read),
    rule('kubevirt.io', ['virtualmachines', 'virtualmachineinstances'], read),
    rule(guest, ['virtualmachineinstances/guestosinfo'], ['get']),
    rule('loadbalancer.harvesterhci.io', ['loadbalancers'], all),
    rule('loadbalancer.harvesterhci.io', ['ippools'], read),
    rule('k8s.cni.cncf.io', ['network-attachment-definitions'], read),
    rule('kubevirt.io', ['virtualmachines'], ['update', 'patch']),
    rule(
      guest,
      [
        'virtualmachines/addvolume',
        'virtualmachines/removevolume',
        'virtualmachineinstances/addvolume',
        'virtualmachineinstances/removevolume',
      ],
      ['update'],
    ),
    rule('', ['persistentvolumeclaims'], write),
    rule('snapshot.storage.k8s.io', ['volumesnapshots'], all),
    rule(
      'harvesterhci.io',
      ['networkfilesystems', 'networkfilesystems/status', 'volumeremotebackups', 'volumeremoterestores'],
      all,
    ),
  ]),
  clusterRole('harvesterhci.io:csi-driver', [
    rule('storage.k8s.io', ['storageclasses', 'volumeattachments'], read),
    rule('snapshot.storage.k8s.io', ['volumesnapshotclasses', 'volumesnapshotcontents'], read),
    rule('', ['persistentvolumes'], read),
    rule('harvesterhci.io', ['settings'], read),
    rule('harvesterhci.io', ['networkfilesystems', 'networkfilesystems/status'], all),
    rule('longhorn.io', ['volumes', 'volumes/status'], read),
  ]),
]

/** The ClusterRoleBindings that every cluster has from its first start. */
export const bootstrapBindings: BindingObject[] = [
  clusterBinding('cluster-admin', 'cluster-admin', group('system:masters')),
  clusterBinding('system:discovery', 'system:discovery', group('system:authenticated')),
  clusterBinding('system:basic-user', 'system:basic-user', group('system:authenticated')),
  clusterBinding(
    'system:public-info-viewer',
    'system:public-info-viewer',
    group('system:authenticated'),
    group('system:unauthenticated'),
  ),
  clusterBinding(
    'system:service-account-issuer-discovery',
    'system:service-account-issuer-discovery',
    group('system:serviceaccounts'),
  ),
  clusterBinding('system:monitoring', 'system:monitoring', group('system:monitoring')),
  clusterBinding('system:node-bootstrapper', 'system:node-bootstrapper', group('system:bootstrappers')),
  clusterBinding('kubevirt.io:default', 'kubevirt.io:default', group('system:authenticated')),
]
