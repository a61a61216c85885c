import type { Static } from 'typebox'
import { collectionPath } from '../action-call.ts'
import { age, column, wide } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { notBuilt } from '../not-built.ts'
import { about, having, int32, int64, labels, object, oneOf, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'
import { same } from '../same.ts'

const bucket = optional({ endpoint: text, bucketName: text, bucketRegion: text })

/** Where an image comes from. `checksum` is SHA-512 or SHA-256 in hex. */
export const VirtualMachineImageSpec = object(
  {
    displayName: about(text, 'The name for people.'),
    sourceType: oneOf('download', 'upload', 'export-from-volume', 'restore', 'clone'),
  },
  {
    description: text,
    url: about(text, 'Where to download from, with http or https.'),
    checksum: about(text, 'SHA-512 or SHA-256 in hex; the file is refused when it differs.'),
    pvcName: text,
    pvcNamespace: text,
    retry: having(int32, { default: 3, minimum: 0, maximum: 10 }),
    backend: having(oneOf('backingimage', 'cdi'), { default: 'backingimage' }),
    storageClassParameters: labels,
    targetStorageClassName: text,
    securityParameters: object({
      cryptoOperation: oneOf('encrypt', 'decrypt'),
      sourceImageName: text,
      sourceImageNamespace: text,
    }),
  },
)
export type VirtualMachineImageSpec = Static<typeof VirtualMachineImageSpec>

/** A disk image that volumes start from. Sizes are bytes, progress is per cent. */
export const VirtualMachineImage = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VirtualMachineImage',
  description: 'A disk image that volumes start from. Sizes are bytes, progress is per cent.',
  plural: 'virtualmachineimages',
  shortNames: ['vmimage', 'vmimages'],
  namespaced: true,
  spec: VirtualMachineImageSpec,
  status: optional({
    appliedUrl: text,
    progress: int32,
    size: int64,
    virtualSize: int64,
    storageClassName: text,
    targetStorageClassName: text,
    failed: int32,
    lastFailedTime: text,
    backupTarget: bucket,
    conditions: Conditions,
  }),
  columns: [
    column('Backend', '.spec.backend'),
    column('Display-Name', '.spec.displayName'),
    column('Size', '.status.size', 'integer'),
    column('VirtualSize', '.status.virtualSize', 'integer'),
    age,
    wide('Progress', '.status.progress', 'integer'),
  ],
  selectableFields: ['.spec.displayName'],
  actions: [
    {
      name: 'upload',
      offered: (image) => image.spec.sourceType === 'upload' && (image.status?.progress ?? 0) < 100,
    },
    {
      name: 'download',
      notBuilt: notBuilt.imageFiles,
      offered: (image) => image.status?.progress === 100,
      calls(image) {
        const path = collectionPath(
          'harvesterhci.io/v1beta1',
          'virtualmachineimagedownloaders',
          image.metadata.namespace ?? '',
        )
        const body = {
          metadata: { name: image.metadata.name },
          spec: { imageName: image.metadata.name, compressType: 'qcow2' },
        }
        return [{ method: 'POST', path, body }]
      },
    },
  ],
  check: (image) => checkSource(image.spec),
  checkUpdate: (next, previous) =>
    (
      [
        'sourceType',
        'url',
        'checksum',
        'pvcName',
        'pvcNamespace',
        'storageClassParameters',
        'backend',
        'securityParameters',
      ] as const
    )
      .filter((field) => !same(next.spec[field], previous.spec[field]))
      .map((field) => ({
        field: `spec.${field}`,
        message: `cannot modify ${field}; make another image`,
        reason: 'FieldValueForbidden',
      })),
})
export type VirtualMachineImage = ObjectOf<typeof VirtualMachineImage>

function checkSource(spec: VirtualMachineImageSpec): FieldError[] {
  const errors: FieldError[] = []
  const required = (field: 'displayName' | 'url' | 'pvcName' | 'pvcNamespace', message: string) => {
    if (!spec[field]?.trim()) errors.push({ field: `spec.${field}`, message, reason: 'FieldValueRequired' })
  }
  required('displayName', 'displayName is required')
  if (spec.sourceType === 'download') {
    required('url', 'url is required when image source type is "download"')
    if (spec.url && !isWebAddress(spec.url))
      errors.push({ field: 'spec.url', message: 'must be a URL that begins with http:// or https://' })
  } else if (spec.url && spec.sourceType !== 'restore')
    errors.push({ field: 'spec.url', message: `url should be empty when image source type is "${spec.sourceType}"` })
  if (spec.sourceType === 'export-from-volume')
    for (const field of ['pvcName', 'pvcNamespace'] as const)
      required(field, `${field} is required when image source type is "export-from-volume"`)
  if (spec.sourceType === 'clone' && !spec.securityParameters)
    errors.push({
      field: 'spec.securityParameters',
      message: 'name the source image and whether to encrypt or decrypt it',
      reason: 'FieldValueRequired',
    })
  if (spec.checksum && !/^([0-9a-f]{128}|[0-9a-f]{64})$/i.test(spec.checksum))
    errors.push({
      field: 'spec.checksum',
      message: 'must be a SHA-512 or SHA-256 sum: 128 or 64 hex digits',
    })
  return errors
}

function isWebAddress(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed !== null && (parsed.protocol === 'http:' || parsed.protocol === 'https:') && parsed.hostname !== ''
}
