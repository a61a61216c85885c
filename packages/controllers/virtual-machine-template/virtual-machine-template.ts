import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { same } from '@thresher/api/same'
import { setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { controllerReference } from '@thresher/client/owner'
import { subjectIs } from '@thresher/client/subject'
import { planTemplate } from './plan.ts'

/** Numbers the versions of templates, makes the first the default, and has versions go with their template. */
export const virtualMachineTemplateController = defineController({
  name: 'virtual-machine-template',
  subject: subjectIs(VirtualMachineTemplate),
  watches: [
    watch(VirtualMachineTemplate),
    watch(VirtualMachineTemplateVersion, ({ spec }) => [spec.templateId], {
      template: ({ spec }) => [spec.templateId],
    }),
  ],
  async reconcile(key, context) {
    const versions = context
      .objects(VirtualMachineTemplateVersion)
      .byIndex('template', key)
      .filter(({ metadata }) => !metadata.deletionTimestamp)
    const template = context.objects(VirtualMachineTemplate).get(key)
    if (!template) return reportMissing(key, versions, context)
    if (template.metadata.deletionTimestamp) return
    const plan = planTemplate(template, versions)
    for (const version of versions) await adopt(template, version, plan.numbers, context)
    const { defaultVersionId } = plan
    const chosen = defaultVersionId
      ? await context.objects(VirtualMachineTemplate).patch(template, { spec: { defaultVersionId } })
      : template
    if (!same(plan.status, template.status))
      await context.objects(VirtualMachineTemplate).updateStatus({ ...chosen, status: plan.status })
  },
})

async function adopt(
  template: VirtualMachineTemplate,
  version: VirtualMachineTemplateVersion,
  numbers: ReadonlyMap<string, number>,
  context: Context,
): Promise<void> {
  const versions = context.objects(VirtualMachineTemplateVersion)
  const owners = version.metadata.ownerReferences ?? []
  const owned = owners.some(({ uid }) => uid === template.metadata.uid)
  const ownerReferences = [...owners, controllerReference(VirtualMachineTemplate, template)]
  const ours = owned ? version : await versions.patch(version, { metadata: { ownerReferences } })
  const number = version.status?.version ?? numbers.get(version.metadata.name ?? '')
  const conditions = setCondition(
    version.status?.conditions as never,
    { type: 'assigned', status: 'True' },
    context.now(),
  ) as never
  const status = { ...version.status, version: number, conditions }
  if (!same(status, version.status)) await versions.updateStatus({ ...ours, status })
}

/** A version may come before its template; it is numbered when that is there. */
async function reportMissing(
  key: string,
  versions: readonly VirtualMachineTemplateVersion[],
  context: Context,
): Promise<void> {
  for (const version of versions) {
    const word = {
      type: 'assigned',
      status: 'False',
      reason: 'TemplateNotFound',
      message: `there is no VirtualMachineTemplate ${key}; create it, or name another in a new version`,
    } as const
    const conditions = setCondition(version.status?.conditions as never, word, context.now()) as never
    const status = { ...version.status, conditions }
    if (!same(status, version.status))
      await context.objects(VirtualMachineTemplateVersion).updateStatus({ ...version, status })
  }
}
