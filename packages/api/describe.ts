import { infrastructureFields } from './descriptions/infrastructure.ts'
import { objectFields } from './descriptions/objects.ts'
import { podFields } from './descriptions/pods.ts'
import type { JsonSchema } from './kind.ts'

const sentences: Readonly<Record<string, string>> = { ...infrastructureFields, ...podFields, ...objectFields }

/**
 * What a field is, for `kubectl explain` and forms: its own description, else the sentence for its name (below this parent, or anywhere),
 * else what its name and type say.
 *
 * @param parent the name of the field that it lies in
 */
export function describeField(schema: JsonSchema, name: string, parent?: string): string {
  const said = schema.description ?? ownOf(`${parent}.${name}`) ?? ownOf(name) ?? sentenceFor(schema, name)
  const words = schema.enum ?? schema.items?.enum
  const values = words?.filter((word) => word !== '').map(String)
  if (!values?.length || values.every((value) => said.includes(value))) return said
  return `${said} One of ${values.join(', ')}.`
}

function ownOf(name: string): string | undefined {
  return Object.hasOwn(sentences, name) ? sentences[name] : undefined
}

/** Units that names end in. */
const units: readonly (readonly [RegExp, string])[] = [
  [/\s?seconds$/, ', in seconds'],
  [/\s?ms$/, ', in milliseconds'],
  [/\s?bytes$/, ', in bytes'],
  [/\s?percent(age)?$/, ', in per cent'],
]

function sentenceFor(schema: JsonSchema, name: string): string {
  let words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[ -]/)
    .map((word) => (/^[A-Z]{2}/.test(word) ? word : word.toLowerCase()))
    .join(' ')
  if (schema.type === 'boolean') return `Whether ${words} is on.`
  if (words.endsWith(' ref')) return `The object that is the ${words.slice(0, -4)}.`
  if (/ (timestamp|time)$/.test(words)) return `The time: ${words}.`
  for (const [end, unit] of units) words = words.replace(end, unit)
  return `The ${words}.`
}
