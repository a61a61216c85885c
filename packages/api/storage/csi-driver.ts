import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, having, int64, list, object, optional, set, text } from '../schema.ts'

/** A storage driver, and what it can do. */
export const CSIDriver = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  description: 'A storage driver, and what it can do.',
  plural: 'csidrivers',
  namespaced: false,
  spec: optional({
    attachRequired: having(flag, { default: true }),
    podInfoOnMount: having(flag, { default: false }),
    volumeLifecycleModes: set(text),
    storageCapacity: having(flag, { default: false }),
    fsGroupPolicy: having(text, { default: 'ReadWriteOnceWithFSType' }),
    tokenRequests: list(object({ audience: text }, { expirationSeconds: int64 })),
    requiresRepublish: having(flag, { default: false }),
    seLinuxMount: having(flag, { default: false }),
    nodeAllocatableUpdatePeriodSeconds: int64,
    serviceAccountTokenInSecrets: flag,
  }),
  columns: [
    { name: 'AttachRequired', path: ({ spec }) => String(spec.attachRequired ?? true) },
    { name: 'PodInfoOnMount', path: ({ spec }) => String(spec.podInfoOnMount ?? false) },
    { name: 'StorageCapacity', path: ({ spec }) => String(spec.storageCapacity ?? false) },
    {
      name: 'TokenRequests',
      path: ({ spec }) => spec.tokenRequests?.map((one) => one.audience).join(',') || '<unset>',
    },
    { name: 'RequiresRepublish', path: ({ spec }) => String(spec.requiresRepublish ?? false) },
    { name: 'Modes', path: ({ spec }) => (spec.volumeLifecycleModes ?? ['Persistent']).join(',') },
    age,
  ],
})
export type CSIDriver = ObjectOf<typeof CSIDriver>
