import { column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { object, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** A volume that several machines share over the network; storage drivers of guest clusters ask for it. */
export const NetworkFilesystem = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'NetworkFilesystem',
  description: 'A volume that several machines share over the network; storage drivers of guest clusters ask for it.',
  plural: 'networkfilesystems',
  shortNames: ['netfs', 'netfss'],
  namespaced: true,
  spec: object({ networkFSName: text, desiredState: text }, { preferredNode: text, provisioner: text }),
  status: optional({
    endpoint: text,
    mountOpts: text,
    state: text,
    status: text,
    type: text,
    conditions: Conditions,
  }),
  columns: [
    column('DesiredState', '.spec.desiredState'),
    column('Endpoint', '.status.endpoint'),
    column('State', '.status.state'),
  ],
})
export type NetworkFilesystem = ObjectOf<typeof NetworkFilesystem>
