import type { JsonSchema } from '../../kind.ts'

/** The fields of a schema that have none below them, by their paths: `domain.devices.disks[].serial`. */
export function leafFields(schema: JsonSchema, at = ''): string[] {
  if (schema.items) return leafFields(schema.items, `${at}[]`)
  const fields = Object.entries(schema.properties ?? {})
  if (fields.length === 0) return [at]
  return fields.flatMap(([name, field]) => leafFields(field, at === '' ? name : `${at}.${name}`))
}

/** The paths above a path, nearest first, and itself: for `a[].b` these are `a[].b`, `a[]` and `a`. */
export function selfAndAbove(path: string): string[] {
  const paths = [path]
  for (let at = path; ;) {
    const cut = at.endsWith('[]') ? at.length - 2 : at.lastIndexOf('.')
    if (cut <= 0) return paths
    at = at.slice(0, cut)
    paths.push(at)
  }
}

/** All values at a path, each with the path that says which item of a list it is in. */
export function valuesAt(object: unknown, path: string, at = ''): { at: string; value: unknown }[] {
  if (object === undefined || object === null) return []
  const [step, rest] = firstStep(path)
  if (step === '[]') {
    const items: unknown[] = Array.isArray(object) ? object : []
    return items.flatMap((item, index) => next(item, rest, `${at}[${index}]`))
  }
  if (typeof object !== 'object' || !Object.hasOwn(object, step)) return []
  return next((object as Record<string, unknown>)[step], rest, at === '' ? step : `${at}.${step}`)
}

function next(value: unknown, rest: string, at: string): { at: string; value: unknown }[] {
  return rest === '' ? [{ at, value }] : valuesAt(value, rest, at)
}

function firstStep(path: string): [string, string] {
  if (path.startsWith('[]')) return ['[]', path.slice(2).replace(/^\./, '')]
  const end = path.search(/\.|\[\]/)
  if (end < 0) return [path, '']
  return [path.slice(0, end), path[end] === '.' ? path.slice(end + 1) : path.slice(end)]
}
