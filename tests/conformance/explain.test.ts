import { kubectlFor, type Kubectl } from '@thresher/apiserver/kubectl'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
let kubectl: Kubectl
beforeAll(async () => {
  server = await startWholeServer()
  kubectl = await kubectlFor(server.kubeconfig)
})
afterAll(async () => {
  await kubectl[Symbol.asyncDispose]()
  await server.close()
})

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
  const { text } = await server.ask(server.admin, 'GET', path)
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
    const { stdout, stderr } = await kubectl('explain', field)
    expect(stderr).toBe('')
    expect(stdout).toMatch(words)
    expect(stdout).not.toContain('<empty>')
  })
})
