import type { Static } from 'typebox'
import { LabelSelector } from '../meta.ts'
import { having, list, oneOf, optional, text } from '../schema.ts'
import { TypedLocalObjectReference, TypedObjectReference } from './references.ts'
import { VolumeResourceRequirements } from './resources.ts'

/** How a volume may be used, and by how many nodes at once. */
export const AccessModes = list(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'))

/** The storage that is asked for. */
export const PersistentVolumeClaimSpec = optional({
  accessModes: AccessModes,
  selector: LabelSelector,
  resources: VolumeResourceRequirements,
  volumeName: text,
  storageClassName: text,
  volumeMode: having(oneOf('Filesystem', 'Block'), { default: 'Filesystem' }),
  dataSource: TypedLocalObjectReference,
  dataSourceRef: TypedObjectReference,
  volumeAttributesClassName: text,
})
export type PersistentVolumeClaimSpec = Static<typeof PersistentVolumeClaimSpec>
