import { describe, expect, test } from 'vitest'
import { serverWithKubectl } from './server-with-kubectl.ts'

const under = serverWithKubectl()

interface Schema {
  description?: string
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema | boolean
}

/** The fields below a schema that have no description, by path. */
function undescribed(schema: Schema, path: string): string[] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    ...(field.description?.trim() ? [] : [`${path}.${name}`]),
    ...undescribed(field, `${path}.${name}`),
  ])
  const values = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []
  return [...fields, ...[...values, ...(schema.items ? [schema.items] : [])].flatMap((each) => undescribed(each, path))]
}

async function get<T>(path: string): Promise<T> {
  const { text } = await under.server.ask(under.server.admin, 'GET', path)
  return JSON.parse(text) as T
}

describe('the OpenAPI documents', () => {
  test('describe every field of every kind', async () => {
    const { paths } = await get<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3')
    const missing: string[] = []
    for (const { serverRelativeURL } of Object.values(paths)) {
      const { components } = await get<{ components?: { schemas?: Record<string, Schema> } }>(serverRelativeURL)
      for (const [name, schema] of Object.entries(components?.schemas ?? {})) missing.push(...undescribed(schema, name))
    }
    expect(missing).toEqual([])
  })
})

describe('kubectl explain', () => {
  test.each([
    ['pod.spec.containers', /imagePullPolicy.*When the image is/s],
    ['pvc.metadata.finalizers', /Who has to do something before the object may go/],
    ['vm.spec.runStrategy', /When the machine runs/],
    ['vm.spec.template.spec.domain.devices.disks.bootOrder', /the lowest is tried first/],
    ['deployment.spec.strategy', /How old ones are replaced/],
  ])('says what %s is', async (field, words) => {
    const { stdout, stderr } = await under.kubectl('explain', field)
    expect(stderr).toBe('')
    expect(stdout).toMatch(words)
    expect(stdout).not.toContain('<empty>')
  })
})
