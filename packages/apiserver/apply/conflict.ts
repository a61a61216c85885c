import { ApiError } from '@thresher/api/error'
import { pathsOf, type FieldSet } from './field-set.ts'
import type { Manager } from './managers.ts'

/** A field that an apply would change although another manager owns it. */
interface Conflict {
  manager: string
  path: string
}

/** The refusal of an apply, in Kubernetes' words, with one cause per field. @param owned by manager, the fields in conflict */
export function conflictError(owned: [Manager, FieldSet][]): ApiError {
  const conflicts = owned.flatMap(([manager, fields]) =>
    pathsOf(fields).map((path): Conflict => ({ manager: describe(manager), path })),
  )
  return new ApiError('Conflict', messageOf(conflicts), {
    details: {
      causes: conflicts.map(({ manager, path }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with ${manager}`,
        field: path,
      })),
    },
  })
}

function messageOf(conflicts: Conflict[]): string {
  const [first] = conflicts
  if (conflicts.length === 1 && first)
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`
  const byManager = Map.groupBy(conflicts, ({ manager }) => manager)
  const parts = [...byManager]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([manager, fields]) => `conflicts with ${manager}:\n${fields.map(({ path }) => `- ${path}`).join('\n')}`)
  return `Apply failed with ${conflicts.length} conflicts: ${parts.join('\n')}`
}

function describe({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '')
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
