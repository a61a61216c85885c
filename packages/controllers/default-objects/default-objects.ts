import { Namespace } from '@thresher/api/core/namespace'
import { Service } from '@thresher/api/core/service'
import { Setting } from '@thresher/api/harvester/setting'
import { settingNamed, settings } from '@thresher/api/harvester/settings/table'
import { KubeVirt } from '@thresher/api/kubevirt/kube-virt'
import { localDriver } from '@thresher/api/names'
import { CSIDriver } from '@thresher/api/storage/csi-driver'
import { capabilityAnnotations } from '@thresher/api/storage/driver-capabilities'
import { embeddedDrivers } from '@thresher/api/storage/embedded-drivers'
import { isDefaultClass, StorageClass } from '@thresher/api/storage/storage-class'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { noSubject } from '@thresher/client/subject'
import { addons } from './addons.ts'
import { snapshotClasses } from './snapshot-classes.ts'
import { defaultKey, type DefaultObject } from './default-object.ts'
import { ensureKubeVirt, kubeVirtKey, wakesKubeVirt } from './kube-virt.ts'
import { templates } from './templates.ts'

/** Namespaces that every cluster has. */
const defaultNamespaces = [
  'default',
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'harvester-system',
  'harvester-public',
]

const localClass = 'local'
const apiServiceKey = 'service/kubernetes'

/** What is made where it is missing, by its key, and is the user's from then on. */
const madeOnce = new Map<string, DefaultObject>(
  [...templates, ...addons, ...snapshotClasses].map((each) => [defaultKey(each), each]),
)

/** Makes what every cluster has, and makes it again should it be deleted: namespaces, the class of local volumes, settings, templates, add-ons. */
export const defaultObjectsController = defineController({
  name: 'default-objects',
  subject: noSubject,
  keys: [
    ...defaultNamespaces.map((name) => `namespace/${name}`),
    `class/${localClass}`,
    apiServiceKey,
    ...Object.keys(embeddedDrivers).map((name) => `driver/${name}`),
    ...settings.map(({ name }) => `setting/${name}`),
    kubeVirtKey,
    ...madeOnce.keys(),
  ],
  watches: [
    watch(Namespace, (namespace, _, { type }) => (type === 'deleted' ? [`namespace/${namespace.metadata.name}`] : [])),
    watch(Namespace, ({ metadata }, _, { type }) =>
      metadata.name === 'default' && type === 'added' ? [apiServiceKey] : [],
    ),
    watch(Service, ({ metadata }, _, { type }) =>
      metadata.namespace === 'default' && metadata.name === 'kubernetes' && type === 'deleted' ? [apiServiceKey] : [],
    ),
    watch(StorageClass, (storageClass, _, { type }) =>
      type === 'deleted' ? [`class/${storageClass.metadata.name}`] : [],
    ),
    watch(CSIDriver, (driver) => [`driver/${driver.metadata.name}`]),
    watch(Setting, (setting) => [`setting/${setting.metadata.name}`]),
    watch(KubeVirt, wakesKubeVirt),
    ...[...new Set([...madeOnce.values()].map(({ kind }) => kind))].map((kind) =>
      watch(kind, (object, _, { type }) => (type === 'deleted' ? [defaultKey({ kind, object })] : [])),
    ),
  ],
  async reconcile(key, context) {
    const slash = key.indexOf('/')
    const name = key.slice(slash + 1)
    if (key.startsWith('namespace/') && defaultNamespaces.includes(name))
      await context.objects(Namespace).ensure({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } } as Namespace)
    if (key === `class/${localClass}`) await ensureLocalClass(context)
    if (key === apiServiceKey) await ensureApiService(context)
    if (key.startsWith('driver/')) await ensureDriver(name, context)
    if (key.startsWith('setting/')) await ensureSetting(name, context)
    if (key === kubeVirtKey) await ensureKubeVirt(context)
    const made = madeOnce.get(key)
    if (made) await ensureOnce(made, context)
  },
})

/** The API's own Service, whose address the API's certificate names. It has no selector: its servers are no pods. */
async function ensureApiService(context: Context): Promise<void> {
  if (!context.objects(Namespace).get('default')) return
  await context.objects(Service).ensure({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: 'default',
      name: 'kubernetes',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.53.0.1',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 'https' }],
    },
  })
}

async function ensureOnce({ kind, object }: DefaultObject, context: Context): Promise<void> {
  const { namespace: name } = object.metadata
  if (name)
    await context.objects(Namespace).ensure({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } } as Namespace)
  await context.objects(kind).ensure({ apiVersion: kind.apiVersion, kind: kind.kind, ...object })
}

/** The class of volumes on the nodes' own disks: the default one, unless another is by then. */
async function ensureLocalClass(context: Context): Promise<void> {
  const classes = context.objects(StorageClass)
  const other = classes.list().some(isDefaultClass)
  await classes.ensure({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: localClass,
      annotations: other ? {} : { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: localDriver,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  })
}

/** A driver's object, from which the scheduler and others read what it can do. */
async function ensureDriver(name: string, context: Context): Promise<void> {
  const capabilities = embeddedDrivers[name]
  if (!capabilities) return
  const objects = context.objects(CSIDriver)
  const annotations = capabilityAnnotations(capabilities)
  const driver = await objects.ensure({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name, annotations },
    spec: { attachRequired: false, podInfoOnMount: false },
  })
  if (Object.entries(annotations).some(([key, value]) => driver.metadata.annotations?.[key] !== value))
    await objects.patch(driver, { metadata: { annotations } })
}

/** A setting's object; its default follows the declaration, its value is the user's. */
async function ensureSetting(name: string, context: Context): Promise<void> {
  const declared = settingNamed(name)
  if (!declared) return
  const objects = context.objects(Setting)
  const setting = await objects.ensure({
    apiVersion: 'harvesterhci.io/v1beta1',
    kind: 'Setting',
    metadata: { name },
    default: declared.default,
  })
  if (setting.default !== declared.default) await objects.update({ ...setting, default: declared.default })
}
