import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Client } from '@thresher/client/client'
import type { Command } from '../command.ts'
import { duration } from '../output/columns.ts'
import { outputOption, showObjects } from '../output/objects.ts'
import { UserError } from '../user-error.ts'
import { namespaceOption, textOf } from '../vm/operation.ts'

const nameArgument = { name: 'name', description: 'the template' }
const ageOf = (created: string | undefined): string => duration((Date.now() - Date.parse(created ?? '')) / 1000)

/** `thresher template list`. */
export const templateList: Command = {
  path: ['template', 'list'],
  summary: 'List templates of virtual machines',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }, outputOption],
  async run(context, _args, options) {
    const client = await context.client()
    const namespace = options['namespace'] as string | undefined
    const { items } = await client.resource(VirtualMachineTemplate).list({ namespace })
    const none = 'No templates. Make one with: thresher template create NAME --from-vm MACHINE'
    console.log(
      showObjects(
        items,
        [
          { name: 'NAMESPACE', of: ({ metadata }) => metadata.namespace },
          { name: 'NAME', of: ({ metadata }) => metadata.name },
          { name: 'DEFAULT', of: ({ status }) => status?.defaultVersion?.toString() },
          { name: 'LATEST', of: ({ status }) => status?.latestVersion?.toString() },
          { name: 'AGE', of: ({ metadata }) => ageOf(metadata.creationTimestamp) },
          { name: 'DESCRIPTION', of: ({ spec }) => spec?.description },
          { name: 'DEFAULT VERSION', wide: true, of: ({ spec }) => spec?.defaultVersionId },
        ],
        options,
        none,
      ),
    )
  },
}

/** `thresher template versions`. */
export const templateVersions: Command = {
  path: ['template', 'versions'],
  summary: 'List the versions of a template',
  arguments: [nameArgument],
  options: [namespaceOption, outputOption],
  async run(context, [name = ''], options) {
    const client = await context.client()
    const versions = await versionsOf(client, textOf(options, 'namespace'), name)
    console.log(
      showObjects(
        versions,
        [
          { name: 'VERSION', of: ({ status }) => status?.version?.toString() },
          { name: 'NAME', of: ({ metadata }) => metadata.name },
          { name: 'AGE', of: ({ metadata }) => ageOf(metadata.creationTimestamp) },
          { name: 'DESCRIPTION', of: ({ spec }) => spec.description },
        ],
        options,
        `The template ${name} has no versions. Make one with: thresher template create ${name} --from-vm MACHINE`,
      ),
    )
  },
}

/** `thresher template create`. */
export const templateCreate: Command = {
  path: ['template', 'create'],
  summary: 'Make a template of a machine, or a further version of it',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--from-vm <machine>', description: 'the machine whose spec it takes; without the data of its volumes' },
    { flags: '--description <text>', description: 'what it is for', default: '' },
  ],
  examples: ['thresher template create web --from-vm web-01', 'thresher vm create web-02 --template web'],
  async run(context, [name = ''], options) {
    if (options['fromVm'] === undefined) throw new UserError('say of which machine: --from-vm MACHINE')
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const { metadata, spec } = await client.resource(VirtualMachine).get(textOf(options, 'fromVm'), namespace)
    const templates = client.resource(VirtualMachineTemplate)
    const description = textOf(options, 'description')
    const { items } = await templates.list({ namespace, fieldSelector: `metadata.name=${name}` })
    if (items.length === 0) await templates.create({ metadata: { name, namespace }, spec: { description } })
    const made = await client.resource(VirtualMachineTemplateVersion).create({
      metadata: { generateName: `${name}-`, namespace },
      spec: {
        templateId: `${namespace}/${name}`,
        description,
        vm: { metadata: { labels: metadata.labels, annotations: metadata.annotations }, spec },
      },
    })
    console.log(`template ${namespace}/${name}: version ${made.metadata.name} made`)
  },
}

/** `thresher template set-default`. */
export const templateSetDefault: Command = {
  path: ['template', 'set-default'],
  summary: 'Move the default of a template to another of its versions',
  arguments: [nameArgument, { name: 'version', description: 'the number of the version, or its name' }],
  options: [namespaceOption],
  async run(context, [name = '', which = ''], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const version = await findVersion(client, namespace, name, which)
    const defaultVersionId = `${namespace}/${version.metadata.name}`
    await client.resource(VirtualMachineTemplate).patch(name, namespace, { spec: { defaultVersionId } }, 'merge')
    console.log(`template ${namespace}/${name}: version ${version.status?.version} is the default`)
  },
}

/** `thresher template delete`. */
export const templateDelete: Command = {
  path: ['template', 'delete'],
  summary: 'Delete a template with its versions, or one version of it; machines stay',
  arguments: [nameArgument, { name: 'version', description: 'only this version, by number or name', optional: true }],
  options: [namespaceOption],
  async run(context, [name = '', which], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    if (which === undefined) await client.resource(VirtualMachineTemplate).delete(name, namespace)
    else {
      const version = await findVersion(client, namespace, name, which)
      await client.resource(VirtualMachineTemplateVersion).delete(version.metadata.name ?? '', namespace)
    }
    console.log(`template ${namespace}/${name}${which === undefined ? '' : `, version ${which},`} deleted`)
  },
}

async function versionsOf(client: Client, namespace: string, name: string): Promise<VirtualMachineTemplateVersion[]> {
  // Says that there is no such template, rather than that it has no versions.
  await client.resource(VirtualMachineTemplate).get(name, namespace)
  const { items } = await client.resource(VirtualMachineTemplateVersion).list({ namespace })
  return items
    .filter(({ spec }) => spec.templateId === `${namespace}/${name}`)
    .toSorted((one, other) => (one.status?.version ?? Infinity) - (other.status?.version ?? Infinity))
}

/**
 * A version of a template by its number or its name; without either the default.
 *
 * @throws {UserError} with those that there are
 */
export async function findVersion(
  client: Client,
  namespace: string,
  name: string,
  which?: string,
): Promise<VirtualMachineTemplateVersion> {
  const [template, versions] = await Promise.all([
    client.resource(VirtualMachineTemplate).get(name, namespace),
    versionsOf(client, namespace, name),
  ])
  const wanted = which ?? template.spec?.defaultVersionId?.split('/')[1]
  const found = versions.find(({ metadata, status }) => metadata.name === wanted || String(status?.version) === wanted)
  if (found) return found
  const known = versions.map(({ metadata, status }) => `${status?.version ?? '?'} (${metadata.name})`).join(', ')
  throw new UserError(`the template ${namespace}/${name} has no version ${wanted ?? 'yet'}; it has: ${known || 'none'}`)
}
