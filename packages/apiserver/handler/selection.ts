import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { parseFieldSelector } from '../selector/field.ts'
import { parseLabelSelector } from '../selector/label.ts'
import { lowerBound } from '../watch-cache.ts'
import { findExactName } from './exact-name.ts'

/** Which objects a list or watch is about. */
export interface Selection {
  /** Empty for all namespaces. */
  namespace: string
  /** Set when only the object of this name can match. */
  name?: string
  /** Undefined when every object of the namespace matches. */
  matches?: (entry: Entry) => boolean
}

/** Read the selectors of a query. @throws {ApiError} BadRequest */
export function readSelection(resource: Resource, call: ResourceCall): Selection {
  const { query } = call.request
  const { namespace, name: pathName } = call.info
  const labelText = query.get('labelSelector')
  const fieldText = query.get('fieldSelector')
  const selection: Selection = { namespace }
  const byLabels = labelText ? parseLabelSelector(labelText) : undefined
  const byFields = fieldText ? parseFieldSelector(fieldText, allowedFields(call), zeroOf(call)) : undefined
  const name = findExactName(fieldText)
  if (pathName && name && name !== pathName)
    throw new ApiError('BadRequest', "fieldSelector metadata.name doesn't match requested name")
  if (pathName || name) selection.name = pathName || name
  const prefix = resource.cache.jsonPrefix
  const { name: only } = selection
  if (byLabels || byFields || only) {
    // The name first: it needs no parsing.
    selection.matches = (entry) =>
      (!only || entry.name === only) &&
      (!byLabels || byLabels(entry.labels(prefix))) &&
      (!byFields || byFields(entry.object(prefix)))
  }
  return selection
}

function allowedFields({ kind }: ResourceCall): string[] {
  return [
    'metadata.name',
    'metadata.namespace',
    ...(kind.selectableFields ?? []).map((path) => path.replace(/^\./, '')),
  ]
}

const zeros: { [type: string]: string | undefined } = { boolean: 'false', integer: '0', number: '0' }

/** What an absent field counts as in a selector. A custom kind's is empty, whatever its type. */
function zeroOf({ kind }: ResourceCall): (steps: string[]) => string {
  return (steps) => {
    if (kind.origin === 'custom') return ''
    const schema = steps.reduce<JsonSchema | undefined>((at, step) => at?.properties?.[step], kind.schema)
    return zeros[schema?.type ?? ''] ?? ''
  }
}

/** Whether the key is of the namespace. */
export function inScope({ namespace }: Selection, key: string): boolean {
  return (
    namespace === '' || (key.length > namespace.length && key[namespace.length] === '/' && key.startsWith(namespace))
  )
}

/** The part of ordered entries that is in the selection's namespace, as [from, to). */
export function scopeOf(entries: readonly Entry[], { namespace }: Selection): [number, number] {
  if (namespace === '') return [0, entries.length]
  // A slash is followed by the digit 0 in the order of characters.
  return [lowerBound(entries, `${namespace}/`), lowerBound(entries, `${namespace}0`)]
}
