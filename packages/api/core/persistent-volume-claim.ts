import { collectionPath, creation, namespaceOf, textInput } from '../action-call.ts'
import { age, column, wide } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, type ObjectMeta } from '../meta.ts'
import { compareQuantities, isQuantity } from '../quantity.ts'
import { labels, optional, ResourceList, text } from '../schema.ts'
import { AccessModes, PersistentVolumeClaimSpec } from './persistent-volume-claim-spec.ts'
import { shortAccessModes } from './persistent-volume.ts'
import { same } from '../same.ts'

/** A wish for a volume, and the volume that fulfils it. */
export const PersistentVolumeClaim = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  description: 'A wish for a volume, and the volume that fulfils it.',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  specOptional: true,
  spec: PersistentVolumeClaimSpec,
  status: optional({
    phase: text,
    accessModes: AccessModes,
    capacity: ResourceList,
    conditions: Conditions,
    allocatedResources: ResourceList,
    allocatedResourceStatuses: { ...labels, 'x-kubernetes-map-type': 'granular' },
    currentVolumeAttributesClassName: text,
    modifyVolumeStatus: optional({ targetVolumeAttributesClassName: text, status: text }),
  }),
  columns: [
    {
      name: 'Status',
      path: (claim) => (claim.metadata.deletionTimestamp ? 'Terminating' : claim.status?.phase),
    },
    column('Volume', '.spec.volumeName'),
    { name: 'Capacity', path: (claim) => (claim.spec.volumeName ? claim.status?.capacity?.storage : '') },
    { name: 'Access Modes', path: (claim) => shortAccessModes(claim.status?.accessModes) },
    column('StorageClass', '.spec.storageClassName'),
    { name: 'VolumeAttributesClass', path: (claim) => claim.spec.volumeAttributesClassName ?? '<unset>' },
    age,
    wide('VolumeMode', '.spec.volumeMode'),
  ],
  actions: [
    {
      name: 'clone',
      calls: (claim, input) => [
        creation(collectionPath('v1', 'persistentvolumeclaims', namespaceOf(claim.metadata)), {
          metadata: { name: textInput(input, 'name'), namespace: claim.metadata.namespace },
          spec: {
            accessModes: claim.spec.accessModes,
            volumeMode: claim.spec.volumeMode,
            storageClassName: claim.spec.storageClassName,
            resources: claim.spec.resources,
            dataSource: { kind: 'PersistentVolumeClaim', name: claim.metadata.name },
          },
        }),
      ],
    },
    {
      name: 'snapshot',
      offered: ({ status }) => status?.phase === 'Bound',
      calls: (claim, input) => [
        creation(collectionPath('snapshot.storage.k8s.io/v1', 'volumesnapshots', namespaceOf(claim.metadata)), {
          metadata: { name: textInput(input, 'name'), namespace: claim.metadata.namespace },
          spec: { source: { persistentVolumeClaimName: claim.metadata.name } },
        }),
      ],
    },
    {
      name: 'cancelExpand',
      // Only while it is not done: a volume never shrinks.
      offered: ({ spec, status }) => {
        const [wanted, has] = [spec.resources?.requests?.storage, status?.capacity?.storage]
        return wanted !== undefined && has !== undefined && compareQuantities(wanted, has) > 0
      },
      calls: ({ metadata, status }) => [
        {
          method: 'PATCH',
          path: `${collectionPath('v1', 'persistentvolumeclaims', namespaceOf(metadata))}/${encodeURIComponent(metadata.name ?? '')}`,
          body: { spec: { resources: { requests: { storage: status?.capacity?.storage } } } },
        },
      ],
    },
    {
      name: 'export',
      offered: ({ status }) => status?.phase === 'Bound',
      calls(claim, input) {
        const namespace =
          typeof input.namespace === 'string' && input.namespace ? input.namespace : namespaceOf(claim.metadata)
        const targetStorageClassName = typeof input.storageClassName === 'string' ? input.storageClassName : undefined
        return [
          creation(collectionPath('harvesterhci.io/v1beta1', 'virtualmachineimages', namespace), {
            metadata: { generateName: 'image-', namespace },
            spec: {
              displayName: textInput(input, 'displayName'),
              sourceType: 'export-from-volume',
              pvcName: claim.metadata.name,
              pvcNamespace: namespaceOf(claim.metadata),
              targetStorageClassName,
            },
          }),
        ]
      },
    },
  ],
  fillDefaults(claim) {
    claim.spec ??= {}
    const { dataSource, dataSourceRef } = claim.spec
    if (dataSource && !dataSourceRef) claim.spec.dataSourceRef = { ...dataSource }
    if (dataSourceRef && !dataSource && !dataSourceRef.namespace)
      claim.spec.dataSource = { apiGroup: dataSourceRef.apiGroup, kind: dataSourceRef.kind, name: dataSourceRef.name }
    if (!claim.status?.phase) claim.status = { ...claim.status, phase: 'Pending' }
  },
  check: (claim) => checkClaimSpec(claim.spec, 'spec'),
  checkUpdate(next, previous) {
    const errors: FieldError[] = []
    const was = previous.spec.resources?.requests?.storage
    const now = next.spec.resources?.requests?.storage
    const least = previous.status?.capacity?.storage ?? was
    if (was && now && isQuantity(now) && compareQuantities(now, was) < 0 && compareQuantities(now, least ?? was) < 0)
      errors.push({
        field: 'spec.resources.requests.storage',
        message: `a volume cannot shrink: ${now} is less than ${was}; keep at least ${was}`,
        reason: 'FieldValueForbidden',
      })
    for (const field of ['accessModes', 'volumeMode', 'selector', 'dataSource', 'dataSourceRef'] as const)
      if (!same(next.spec[field], previous.spec[field]))
        errors.push({
          field: `spec.${field}`,
          message: 'cannot change after the claim is made; make another claim',
          reason: 'FieldValueForbidden',
        })
    for (const field of ['volumeName', 'storageClassName'] as const)
      if (previous.spec[field] && next.spec[field] !== previous.spec[field])
        errors.push({
          field: `spec.${field}`,
          message: `cannot change from ${JSON.stringify(previous.spec[field])}; make another claim`,
          reason: 'FieldValueForbidden',
        })
    return errors
  },
})
export type PersistentVolumeClaim = ObjectOf<typeof PersistentVolumeClaim>

/** A claim that a VirtualMachine's annotation asks for. */
export interface ClaimTemplate {
  metadata: ObjectMeta
  spec: PersistentVolumeClaimSpec
}

/** What is wrong with a claim's spec. @param at path of the spec */
export function checkClaimSpec(spec: PersistentVolumeClaimSpec, at: string): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.accessModes?.length)
    errors.push({
      field: `${at}.accessModes`,
      message: 'give at least one access mode, such as ReadWriteOnce',
      reason: 'FieldValueRequired',
    })
  const size = spec.resources?.requests?.storage
  const field = `${at}.resources.requests.storage`
  if (size === undefined)
    errors.push({ field, message: 'say how much storage is wanted, such as 10Gi', reason: 'FieldValueRequired' })
  else if (!isQuantity(size))
    errors.push({ field, message: `${JSON.stringify(size)} is not a size: write for example 10Gi` })
  else if (compareQuantities(size, 0) <= 0) errors.push({ field, message: 'must be greater than 0' })
  return errors
}
