import { age, column } from '../columns.ts'
import { defineKind, servedAs, type ObjectOf } from '../kind.ts'
import { labels, object, optional, text, texts } from '../schema.ts'
import { Conditions } from './condition.ts'
import { MigrationState, PhaseTransitions } from './migration-state.ts'

/** One move of a running virtual machine to another node. */
export const VirtualMachineInstanceMigration = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachineInstanceMigration',
  description: 'One move of a running virtual machine to another node.',
  plural: 'virtualmachineinstancemigrations',
  shortNames: ['vmim', 'vmims'],
  categories: ['all'],
  namespaced: true,
  spec: optional({
    vmiName: text,
    addedNodeSelector: labels,
    priority: text,
    sendTo: object({ connectURL: text, migrationID: text }),
    receive: object({ migrationID: text }),
  }),
  status: optional({
    phase: text,
    phaseTransitionTimestamps: PhaseTransitions,
    conditions: Conditions,
    migrationState: MigrationState,
    synchronizationAddresses: texts,
  }),
  columns: [column('Phase', '.status.phase'), column('VMI', '.spec.vmiName'), age],
  selectableFields: ['.spec.vmiName', '.status.phase'],
  check: (migration) =>
    migration.spec?.vmiName
      ? []
      : [
          {
            field: 'spec.vmiName',
            message: 'name the VirtualMachineInstance to move',
            reason: 'FieldValueRequired',
          },
        ],
  checkUpdate: (next, previous) =>
    next.spec?.vmiName === previous.spec?.vmiName
      ? []
      : [{ field: 'spec.vmiName', message: 'cannot change; make another migration', reason: 'FieldValueForbidden' }],
})
export type VirtualMachineInstanceMigration = ObjectOf<typeof VirtualMachineInstanceMigration>

/** The same under its former version. */
export const VirtualMachineInstanceMigrationV1alpha3 = servedAs(VirtualMachineInstanceMigration, 'v1alpha3')
