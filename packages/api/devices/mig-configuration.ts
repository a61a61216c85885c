import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, int32, list, optional, text, texts } from '../schema.ts'

/** How the instances of a graphics card are cut. */
export const MigConfiguration = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'MigConfiguration',
  description: 'How the instances of a graphics card are cut.',
  plural: 'migconfigurations',
  namespaced: false,
  specOptional: true,
  spec: optional({
    nodeName: text,
    gpuAddress: text,
    enabled: flag,
    profileSpec: list(optional({ id: int32, name: text, requested: int32 })),
  }),
  status: optional({
    status: text,
    message: text,
    profileStatus: list(optional({ id: int32, name: text, available: int32, total: int32, vGPUID: texts })),
  }),
  columns: [
    column('Node Name', '.spec.nodeName'),
    column('Address', '.spec.gpuAddress'),
    column('Enabled', '.spec.enabled'),
    column('Status', '.status.status'),
    column('Message', '.status.message'),
  ],
})
export type MigConfiguration = ObjectOf<typeof MigConfiguration>
