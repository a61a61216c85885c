import { describe, expect, test } from 'vitest'
import { kinds } from './kinds.ts'
import type { JsonSchema, Kind } from './kind.ts'

/** Every schema inside a schema, with its path. */
function* parts(schema: JsonSchema, path: string): Iterable<[string, JsonSchema]> {
  yield [path, schema]
  for (const [name, inner] of Object.entries(schema.properties ?? {})) yield* parts(inner, `${path}.${name}`)
  if (schema.items) yield* parts(schema.items, `${path}[]`)
  if (typeof schema.additionalProperties === 'object') yield* parts(schema.additionalProperties, `${path}{}`)
}

const named = (kind: Kind) => `${kind.apiVersion} ${kind.kind}`

/** The schema at `.spec.a.b`; undefined when there is none. */
function at(schema: JsonSchema | undefined, path: string): JsonSchema | undefined {
  return path
    .split('.')
    .filter(Boolean)
    .reduce<JsonSchema | undefined>((inner, name) => inner?.properties?.[name], schema)
}

describe('the declared kinds', () => {
  test('have each name once', () => {
    for (const name of ['plural', 'kind', 'singular'] as const) {
      const all = kinds.map((kind) => `${kind.apiVersion}/${kind[name]}`)
      expect(all.filter((one, index) => all.indexOf(one) !== index)).toEqual([])
    }
  })

  test('share no short name within a group', () => {
    const stored = kinds.filter((kind) => kind.storageVersion !== false)
    const all = stored.flatMap((kind) => (kind.shortNames ?? []).map((name) => `${kind.group}/${name}`))
    expect(all.filter((one, index) => all.indexOf(one) !== index)).toEqual([])
  })

  test.each(kinds.map((kind) => [named(kind), kind] as const))('%s is a sound schema', (_, kind) => {
    for (const [path, schema] of parts(kind.schema, '')) {
      const properties = Object.keys(schema.properties ?? {})
      for (const field of schema.required ?? []) expect(properties, path).toContain(field)
      const keys = [...(schema['x-kubernetes-list-map-keys'] ?? [])]
      const mergeKey = schema['x-kubernetes-patch-merge-key']
      if (mergeKey) keys.push(mergeKey)
      for (const key of keys) expect(Object.keys(schema.items?.properties ?? {}), path).toContain(key)
      if (schema['x-kubernetes-list-type'] === 'map') expect(keys.length, path).toBeGreaterThan(0)
      if (schema.type === 'array') expect(schema.items, path).toBeDefined()
    }
    expect(() => JSON.stringify(kind.schema)).not.toThrow()
  })

  test.each(kinds.map((kind) => [named(kind), kind] as const))('%s selects by fields that it has', (_, kind) => {
    for (const path of kind.selectableFields ?? []) expect(at(kind.schema, path), path).toBeDefined()
  })

  test('that are served in several versions store one of them', () => {
    const versions = kinds.filter((kind) => kind.plural === 'virtualmachines')
    expect(versions.map(({ apiVersion }) => apiVersion)).toEqual(['kubevirt.io/v1', 'kubevirt.io/v1alpha3'])
    expect(versions.filter((kind) => kind.storageVersion !== false)).toHaveLength(1)
  })
})

describe('merge keys', () => {
  const pod = kinds.find((kind) => kind.kind === 'Pod')?.schema
  test.each([
    ['containers', ['name'], 'name', 'merge'],
    ['volumes', ['name'], 'name', 'merge,retainKeys'],
    ['hostAliases', ['ip'], 'ip', 'merge'],
    ['topologySpreadConstraints', ['topologyKey', 'whenUnsatisfiable'], 'topologyKey', 'merge'],
  ])('of a pod’s %s are those of Kubernetes', (field, keys, mergeKey, strategy) => {
    const schema = at(pod, `.spec.${field}`)
    expect(schema?.['x-kubernetes-list-map-keys']).toEqual(keys)
    expect(schema?.['x-kubernetes-patch-merge-key']).toBe(mergeKey)
    expect(schema?.['x-kubernetes-patch-strategy']).toBe(strategy)
  })

  test('of container ports differ between apply and strategic merge', () => {
    const ports = at(pod, '.spec.containers')?.items?.properties?.ports
    expect(ports?.['x-kubernetes-list-map-keys']).toEqual(['containerPort', 'protocol'])
    expect(ports?.['x-kubernetes-patch-merge-key']).toBe('containerPort')
  })

  test('leave tolerations to be replaced as a whole', () => {
    expect(at(pod, '.spec.tolerations')?.['x-kubernetes-list-type']).toBe('atomic')
  })
})
