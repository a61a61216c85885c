import type { KubeObject } from '@thresher/api/meta'
import { toYaml } from '@thresher/client/node/yaml'
import type { Option, OptionValues } from '../command.ts'
import { columns } from './columns.ts'

/** How objects are shown. */
export const outputOption: Option = {
  flags: '-o, --output <format>',
  description: 'table, with more columns, or the whole objects for scripts',
  default: 'table',
  choices: ['table', 'wide', 'json', 'yaml'],
}

/** A column of a table. */
export interface ObjectColumn<O> {
  name: string
  of(object: O): string | undefined
  /** Only with `-o wide`. */
  wide?: boolean
}

/** Show a list of objects as the user asked for it. @param none what to say instead of an empty table */
export function showObjects<O extends KubeObject>(
  objects: O[],
  shape: readonly ObjectColumn<O>[],
  options: OptionValues,
  none: string,
): string {
  const format = options['output'] ?? 'table'
  if (format === 'json' || format === 'yaml') return written({ apiVersion: 'v1', kind: 'List', items: objects }, format)
  if (objects.length === 0) return none
  const shown = shape.filter(({ wide }) => !wide || format === 'wide')
  return columns(
    shown.map(({ name }) => name),
    objects.map((object) => shown.map((column) => column.of(object) || '-')),
  )
}

/** An object as JSON or YAML. */
export function written(object: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? JSON.stringify(object, undefined, 2) : toYaml(object)
}
