import { age, column, wide } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { VirtualMachineSpec } from '../kubevirt/virtual-machine.ts'
import { AnyObject, int32, object, optional, schemaOf, text, texts } from '../schema.ts'
import { Conditions } from './condition.ts'
import { same } from '../same.ts'

/** A machine as KubeVirt has it, any of its parts left open. */
const machineSource = optional({
  metadata: AnyObject,
  spec: schemaOf<Partial<VirtualMachineSpec>>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
})

/** One version of a template; it never changes. */
export const VirtualMachineTemplateVersion = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VirtualMachineTemplateVersion',
  description: 'One version of a template; it never changes.',
  plural: 'virtualmachinetemplateversions',
  shortNames: ['vmtemplateversion', 'vmtemplateversions'],
  namespaced: true,
  spec: object({ templateId: text }, { description: text, imageId: text, keyPairIds: texts, vm: machineSource }),
  status: optional({ version: int32, conditions: Conditions }),
  columns: [
    column('Template_Id', '.spec.templateId'),
    column('Version', '.status.version', 'integer'),
    wide('Image_Id', '.spec.imageId'),
    age,
  ],
  check({ metadata, spec }): FieldError[] {
    const field = 'spec.templateId'
    if (!spec.templateId)
      return [
        { field, message: 'TemplateId is empty: name the template as namespace/name', reason: 'FieldValueRequired' },
      ]
    const [namespace, name] = spec.templateId.split('/')
    if (!name) return [{ field, message: 'must be of the form namespace/name' }]
    if (metadata.namespace && namespace !== metadata.namespace)
      return [{ field, message: 'Template version and template should reside in the same namespace' }]
    const domain = spec.vm?.spec?.template?.spec.domain
    const { limits } = domain?.resources ?? {}
    if (!domain || (limits?.['cpu'] && limits['memory']) || domain.memory?.guest) return []
    return [
      {
        field: 'spec.vm.spec.template.spec.domain.resources.limits',
        message: 'CPU and Memory limits are required fields: give cpu and memory, such as 2 and 4Gi',
        reason: 'FieldValueRequired',
      },
    ]
  },
  checkUpdate: (next, previous) =>
    same(next.spec, previous.spec)
      ? []
      : [
          {
            field: 'spec',
            message: 'Update templateVersion is not supported: make another version',
            reason: 'FieldValueForbidden',
          },
        ],
})
export type VirtualMachineTemplateVersion = ObjectOf<typeof VirtualMachineTemplateVersion>
