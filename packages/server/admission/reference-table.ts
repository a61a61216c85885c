import { readAttachment } from '@thresher/api/cni/attachment'
import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { StatefulSet } from '@thresher/api/apps/stateful-set'
import { SupportBundle } from '@thresher/api/harvester/support-bundle'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { claimReferences, templateClaims, type ClassOf } from './claim-references.ts'
import { textOf, textsAt, valuesAt } from '@thresher/api/field-values'
import {
  readDisk,
  readImage,
  readKeyPair,
  readLogs,
  readNetwork,
  readSecret,
  restoreBackup,
  useClusterNetwork,
  type Reference,
  type Right,
} from './reference-rights.ts'
import { jsonTexts, networkNames, pairsOfSecret, qualified } from './reference-names.ts'

/** A kind that holds references, and how they are found in one of its objects. */
export interface ReferenceRow {
  kind: { group: string; plural: string }
  /** @param namespace the object's own */
  find: (object: unknown, namespace: string, classOf: ClassOf) => Reference[]
}

/**
 * Every reference from one namespace into another, and from what has none into one. What a controller or agent follows on a
 * user's behalf stands here: they may read everything, so it is asked where the user writes it.
 */
export const referenceTable: readonly ReferenceRow[] = [
  {
    kind: VirtualMachineImage,
    find: (image) => [
      ...valuesAt(image, 'spec').flatMap(({ value: spec }) => [
        pair('spec.pvcNamespace', textOf(spec, 'pvcNamespace'), textOf(spec, 'pvcName'), readDisk),
      ]),
      ...valuesAt(image, 'spec.securityParameters').map(({ field, value }) =>
        pair(
          `${field}.sourceImageNamespace`,
          textOf(value, 'sourceImageNamespace'),
          textOf(value, 'sourceImageName'),
          readImage,
        ),
      ),
      ...secretsOf(image, 'spec.storageClassParameters'),
    ],
  },
  {
    kind: PersistentVolumeClaim,
    find: (claim, namespace, classOf) => claimReferences({ field: '', value: claim }, namespace, classOf),
  },
  { kind: VirtualMachine, find: (machine, namespace, classOf) => machineReferences(machine, '', namespace, classOf) },
  { kind: VirtualMachineInstance, find: (machine, namespace) => networks(machine, 'spec.networks[]', namespace) },
  {
    kind: VirtualMachineTemplateVersion,
    find: (version, namespace, classOf) => [
      ...named(textsAt(version, 'spec.imageId'), namespace, readImage),
      ...named(textsAt(version, 'spec.keyPairIds[]'), namespace, readKeyPair),
      ...valuesAt(version, 'spec.vm').flatMap(({ value }) => machineReferences(value, 'spec.vm.', namespace, classOf)),
    ],
  },
  {
    kind: VirtualMachineRestore,
    find: (restore) =>
      valuesAt(restore, 'spec').map(({ value: spec }) =>
        pair(
          'spec.virtualMachineBackupNamespace',
          textOf(spec, 'virtualMachineBackupNamespace'),
          textOf(spec, 'virtualMachineBackupName'),
          restoreBackup,
        ),
      ),
  },
  {
    kind: StorageClass,
    find: (storageClass) => [
      ...named(textsAt(storageClass, 'parameters.imageId'), '', readImage),
      ...secretsOf(storageClass, 'parameters'),
    ],
  },
  {
    kind: PersistentVolume,
    find: (volume) =>
      valuesAt(volume, 'spec').flatMap(({ value: spec }) =>
        pairsOfSecret(spec).map(({ field, namespace, name }) => pair(`spec.${field}`, namespace, name, readSecret)),
      ),
  },
  {
    kind: Pod,
    find: (pod, namespace, classOf) => [
      ...named(networkNames(pod), namespace, readNetwork),
      ...valuesAt(pod, 'spec.volumes[].ephemeral.volumeClaimTemplate').flatMap((claim) =>
        claimReferences(claim, namespace, classOf),
      ),
    ],
  },
  {
    kind: StatefulSet,
    find: (set, namespace, classOf) =>
      valuesAt(set, 'spec.volumeClaimTemplates[]').flatMap((claim) => claimReferences(claim, namespace, classOf)),
  },
  {
    kind: NetworkAttachmentDefinition,
    find: (definition) =>
      textsAt(definition, 'spec.config').flatMap(({ field, value }): Reference[] => {
        const attachment = readAttachment(value)
        if (!('clusterNetwork' in attachment)) return []
        const { clusterNetwork: name } = attachment
        return [{ field, namespace: '', name, rights: useClusterNetwork, clusterScoped: true }]
      }),
  },
  {
    kind: SupportBundle,
    find: (bundle) =>
      textsAt(bundle, 'spec.extraCollectionNamespaces[]').map(({ field, value }) => pair(field, value, '', readLogs)),
  },
]

/** What a machine's declaration refers to, in a VirtualMachine or in a template's version. */
function machineReferences(machine: unknown, prefix: string, namespace: string, classOf: ClassOf): Reference[] {
  const found = [
    ...networks(machine, 'spec.template.spec.networks[]', namespace),
    ...templateClaims(machine).flatMap((claim) => claimReferences(claim, namespace, classOf)),
    ...valuesAt(machine, 'spec.dataVolumeTemplates[]').flatMap(({ field, value }) =>
      dataVolume(field, value, namespace, classOf),
    ),
    ...named(jsonTexts(machine, 'spec.template.metadata.annotations'), namespace, readKeyPair),
  ]
  return found.map((reference) => ({ ...reference, field: prefix + reference.field }))
}

function dataVolume(field: string, template: unknown, namespace: string, classOf: ClassOf): Reference[] {
  const annotations = valuesAt(template, 'metadata.annotations')[0]?.value
  const sources = ['spec.source.pvc', 'spec.source.snapshot', 'spec.sourceRef'].flatMap((path) =>
    valuesAt(template, path, field).map((source) =>
      pair(
        `${source.field}.namespace`,
        textOf(source.value, 'namespace') || namespace,
        textOf(source.value, 'name'),
        readDisk,
      ),
    ),
  )
  const claims = ['spec.pvc', 'spec.storage'].flatMap((path) =>
    valuesAt(template, path).flatMap(({ value: spec }) =>
      claimReferences({ field, value: { metadata: { annotations }, spec } }, namespace, classOf),
    ),
  )
  return [...sources, ...claims]
}

const networks = (machine: unknown, path: string, namespace: string): Reference[] =>
  named(textsAt(machine, `${path}.multus.networkName`), namespace, readNetwork)

function named(values: { field: string; value: string }[], namespace: string, rights: readonly Right[]): Reference[] {
  return values.map(({ field, value }) => ({ field, ...qualified(value, namespace), rights }))
}

const pair = (field: string, namespace: string, name: string, rights: readonly Right[]): Reference => ({
  field,
  namespace,
  name,
  rights,
})

/** Secrets that the parameters of a storage class name in pairs, as CSI has them. */
function secretsOf(object: unknown, path: string): Reference[] {
  return valuesAt(object, path).flatMap(({ field, value }) =>
    Object.keys(value as object)
      .filter((name) => name.endsWith('secret-namespace'))
      .map((name) =>
        pair(`${field}[${name}]`, textOf(value, name), textOf(value, name.replace(/namespace$/, 'name')), readSecret),
      ),
  )
}
