import type { Page } from '../page/page.ts'
import type { TextKey } from '../text/text.ts'

/** The parts of the navigation, in order. */
export const sections = ['compute', 'storage', 'network', 'cluster', 'access'] as const
export type Section = (typeof sections)[number]

/** A page's line in the table: where it is, whose kind it is, and how it is fetched. */
export interface PageEntry {
  path: string
  section: Section
  title: TextKey
  group: string
  plural: string
  load: () => Promise<Page>
}

const kubevirt = 'kubevirt.io'
const harvester = 'harvesterhci.io'

/** Every page with a kind of its own. A new one is its file and its line here; other kinds are shown by their schema. */
export const pages: PageEntry[] = [
  {
    path: 'machines',
    section: 'compute',
    title: 'machines',
    group: kubevirt,
    plural: 'virtualmachines',
    load: () => import('./machines.tsx').then((file) => file.machines),
  },
  {
    path: 'images',
    section: 'compute',
    title: 'images',
    group: harvester,
    plural: 'virtualmachineimages',
    load: () => import('./images.tsx').then((file) => file.images),
  },
  {
    path: 'templates',
    section: 'compute',
    title: 'templates',
    group: harvester,
    plural: 'virtualmachinetemplates',
    load: () => import('./templates.tsx').then((file) => file.templates),
  },
  {
    path: 'volumes',
    section: 'storage',
    title: 'volumes',
    group: '',
    plural: 'persistentvolumeclaims',
    load: () => import('./volumes.tsx').then((file) => file.volumes),
  },
  {
    path: 'snapshots',
    section: 'storage',
    title: 'snapshots',
    group: harvester,
    plural: 'virtualmachinebackups',
    load: () => import('./snapshots.tsx').then((file) => file.snapshots),
  },
  {
    path: 'volume-snapshots',
    section: 'storage',
    title: 'volumeSnapshots',
    group: 'snapshot.storage.k8s.io',
    plural: 'volumesnapshots',
    load: () => import('./volume-snapshots.tsx').then((file) => file.volumeSnapshots),
  },
  {
    path: 'storage-classes',
    section: 'storage',
    title: 'storageClasses',
    group: 'storage.k8s.io',
    plural: 'storageclasses',
    load: () => import('./storage-classes.tsx').then((file) => file.storageClasses),
  },
  {
    path: 'networks',
    section: 'network',
    title: 'networks',
    group: 'k8s.cni.cncf.io',
    plural: 'network-attachment-definitions',
    load: () => import('./networks.tsx').then((file) => file.networks),
  },
  {
    path: 'cluster-networks',
    section: 'network',
    title: 'clusterNetworks',
    group: 'network.harvesterhci.io',
    plural: 'clusternetworks',
    load: () => import('./cluster-networks.tsx').then((file) => file.clusterNetworks),
  },
  {
    path: 'hosts',
    section: 'cluster',
    title: 'hosts',
    group: '',
    plural: 'nodes',
    load: () => import('./hosts.tsx').then((file) => file.hosts),
  },
  {
    path: 'namespaces',
    section: 'cluster',
    title: 'namespaces',
    group: '',
    plural: 'namespaces',
    load: () => import('./namespaces.tsx').then((file) => file.namespaces),
  },
  {
    path: 'events',
    section: 'cluster',
    title: 'events',
    group: '',
    plural: 'events',
    load: () => import('./events.tsx').then((file) => file.events),
  },
  {
    path: 'settings',
    section: 'cluster',
    title: 'settings',
    group: harvester,
    plural: 'settings',
    load: () => import('./settings.tsx').then((file) => file.settings),
  },
  {
    path: 'ssh-keys',
    section: 'access',
    title: 'sshKeys',
    group: harvester,
    plural: 'keypairs',
    load: () => import('./ssh-keys.tsx').then((file) => file.sshKeys),
  },
  {
    path: 'secrets',
    section: 'access',
    title: 'secrets',
    group: '',
    plural: 'secrets',
    load: () => import('./secrets.tsx').then((file) => file.secrets),
  },
  {
    path: 'users',
    section: 'access',
    title: 'users',
    group: 'auth.thresher.io',
    plural: 'users',
    load: () => import('./users.tsx').then((file) => file.users),
  },
  {
    path: 'roles',
    section: 'access',
    title: 'roles',
    group: 'rbac.authorization.k8s.io',
    plural: 'clusterroles',
    load: () => import('./roles.tsx').then((file) => file.roles),
  },
  {
    path: 'role-bindings',
    section: 'access',
    title: 'roleBindings',
    group: 'rbac.authorization.k8s.io',
    plural: 'clusterrolebindings',
    load: () => import('./role-bindings.tsx').then((file) => file.roleBindings),
  },
]

/** The page of a kind, if it has one of its own. */
export function entryOf(group: string, plural: string): PageEntry | undefined {
  return pages.find((page) => page.group === group && page.plural === plural)
}
