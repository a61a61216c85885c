import type { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import type { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'

/** What a template and its versions are to become. */
export interface TemplatePlan {
  /** Numbers for versions that have none, by name. */
  numbers: ReadonlyMap<string, number>
  /** The first version is the default until somebody moves it. */
  defaultVersionId?: string
  status: NonNullable<VirtualMachineTemplate['status']>
}

/**
 * Number the versions of a template in the order in which they were made, and find its default. Pure. A number is never given
 * twice, also when its version is gone.
 *
 * @param versions all of the template's, in any order
 */
export function planTemplate(
  template: VirtualMachineTemplate,
  versions: readonly VirtualMachineTemplateVersion[],
): TemplatePlan {
  const known = versions.flatMap(({ status }) => status?.version ?? [])
  let latest = Math.max(template.status?.latestVersion ?? 0, ...known)
  const numbers = new Map<string, number>()
  for (const { metadata } of versions.filter(({ status }) => status?.version === undefined).toSorted(byAge))
    numbers.set(metadata.name ?? '', ++latest)
  const numberOf = ({ metadata, status }: VirtualMachineTemplateVersion): number =>
    status?.version ?? numbers.get(metadata.name ?? '') ?? 0
  const chosen = template.spec?.defaultVersionId
  const first = versions.toSorted((one, other) => numberOf(one) - numberOf(other))[0]
  const defaultVersionId = chosen || (first ? idOf(first) : undefined)
  const current = versions.find((version) => idOf(version) === defaultVersionId)
  return {
    numbers,
    ...(chosen || !defaultVersionId ? {} : { defaultVersionId }),
    status: {
      ...template.status,
      ...(latest > 0 ? { latestVersion: latest } : {}),
      ...(current ? { defaultVersion: numberOf(current) } : {}),
    },
  }
}

/** How a template names its versions: `namespace/name`. */
export function idOf({ metadata }: VirtualMachineTemplateVersion): string {
  return `${metadata.namespace}/${metadata.name}`
}

function byAge(one: VirtualMachineTemplateVersion, other: VirtualMachineTemplateVersion): number {
  const age = ({ metadata }: VirtualMachineTemplateVersion): string => metadata.creationTimestamp ?? ''
  const key = (version: VirtualMachineTemplateVersion): string => `${age(version)} ${version.metadata.name}`
  return key(one) < key(other) ? -1 : 1
}
