import type { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import type { Kind } from '@thresher/api/kind'

type Status = NonNullable<CustomResourceDefinition['status']>
type Condition = NonNullable<Status['conditions']>[number]

/** Keeps instances deletable: the definition stays until they are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

/** The name of this definition that another kind of its group has already, as reason and message; undefined when all are free. */
export function nameConflict(
  { spec }: CustomResourceDefinition,
  others: readonly Kind[],
): { reason: string; message: string } | undefined {
  const { names, group } = spec
  const same = others.filter((kind) => kind.group === group)
  const taken = new Set(same.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames]))
  const kinds = new Set(same.flatMap(({ kind }) => [kind, `${kind}List`]))
  const conflict = (reason: string, name: string) => ({ reason, message: `${JSON.stringify(name)} is already in use` })
  if (taken.has(names.plural)) return conflict('PluralConflict', names.plural)
  if (names.singular && taken.has(names.singular)) return conflict('SingularConflict', names.singular)
  const short = names.shortNames?.find((name) => taken.has(name))
  if (short !== undefined) return conflict('ShortNamesConflict', short)
  if (kinds.has(names.kind)) return conflict('KindConflict', names.kind)
  return names.listKind && kinds.has(names.listKind) ? conflict('ListKindConflict', names.listKind) : undefined
}

/** The status of a definition, with conditions as they should be now. @param now RFC 3339 */
export function definitionStatus(
  definition: CustomResourceDefinition,
  conflict: { reason: string; message: string } | undefined,
  builtIn: boolean,
  now: string,
): Status {
  const { spec, status } = definition
  const stored = spec.versions.find(({ storage }) => storage)?.name
  const storedVersions = [...new Set([...(status?.storedVersions ?? []), ...(stored ? [stored] : [])])]
  const established = status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True')
  const wanted: Condition[] = conflict
    ? [
        { type: 'NamesAccepted', status: 'False', ...conflict },
        established
          ? {
              type: 'Established',
              status: 'True',
              reason: 'InitialNamesAccepted',
              message: 'the initial names have been accepted',
            }
          : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
      ]
    : [
        { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
        {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: builtIn ? 'the kind is built in; its own schema is used' : 'the initial names have been accepted',
        },
      ]
  if (definition.metadata.deletionTimestamp && !builtIn)
    wanted.push({
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionInProgress',
      message: 'CustomResource deletion is in progress',
    })
  const { singular, listKind, ...names } = spec.names
  return {
    ...status,
    acceptedNames:
      conflict && !established
        ? (status?.acceptedNames ?? { plural: '', kind: '' })
        : { ...names, listKind: listKind ?? `${names.kind}List`, singular: singular ?? names.kind.toLowerCase() },
    storedVersions,
    conditions: wanted.map((condition) => ({
      ...condition,
      lastTransitionTime: transition(status?.conditions, condition, now),
    })),
  }
}

/** When the condition came to its present state. */
function transition(conditions: Condition[] | undefined, { type, status }: Condition, now: string): string {
  const before = conditions?.find((one) => one.type === type)
  return before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : now
}
