import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import { Namespace } from '@thresher/api/core/namespace'
import { ApiError } from '@thresher/api/error'
import type { JsonSchema, Kind } from '@thresher/api/kind'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testing.ts'
import { checkStructural } from './structural-rules.ts'

const at = 'spec.versions[0].schema.openAPIV3Schema'
const problems = (schema: JsonSchema) => checkStructural(schema, at).map(({ field, message }) => `${field}: ${message}`)

describe('structural schemas', () => {
  it('are accepted in the forms that controller-gen writes', () => {
    expect(
      problems({
        type: 'object',
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string' },
          metadata: { type: 'object' },
          spec: {
            type: 'object',
            properties: {
              amount: {
                'x-kubernetes-int-or-string': true,
                anyOf: [{ type: 'integer' }, { type: 'string' }],
                pattern: '^[0-9]+$',
              },
              any: { 'x-kubernetes-preserve-unknown-fields': true },
              labels: { type: 'object', additionalProperties: { type: 'string' } },
              list: {
                type: 'array',
                items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
              },
              either: {
                type: 'object',
                properties: { a: { type: 'string' }, b: { type: 'string' } },
                oneOf: [{ required: ['a'] }, { required: ['b'] }],
              },
              replicas: { type: 'integer', default: 3, minimum: 1 },
            },
          },
        },
      }),
    ).toEqual([])
  })

  it('are refused where they leave a field open, in the words of Kubernetes', () => {
    const wrong = (field: JsonSchema) =>
      problems({ type: 'object', properties: { x: field } }).map((line) => line.replace(`${at}.properties[x]`, 'x'))
    expect(wrong({})).toEqual(['x.type: Required value: must not be empty for specified object fields'])
    expect(wrong({ type: 'array' })).toEqual(['x.items: Required value: must be specified'])
    expect(wrong({ type: 'array', items: {} })).toEqual([
      'x.items.type: Required value: must not be empty for specified array items',
    ])
    expect(wrong({ type: 'text' })[0]).toContain('x.type: Unsupported value: "text": supported values: "array"')
    expect(
      wrong({ type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } })[0],
    ).toContain('mutual exclusive')
    expect(wrong({ type: 'string', anyOf: [{ type: 'string' }] })[0]).toContain(
      'anyOf[0].type: Forbidden: must be empty to be structural',
    )
    expect(wrong({ type: 'object', anyOf: [{ properties: { b: { minLength: 1 } } }] })[0]).toContain(
      'Required value: because it is defined in',
    )
    expect(wrong({ type: 'string', pattern: '(' })[0]).toContain('must be a valid regular expression')
    expect(wrong({ type: 'integer', default: 'x' })[0]).toContain('x.default: Invalid value')
    expect(
      wrong({
        type: 'array',
        items: { type: 'object', properties: { name: { type: 'string' } } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      })[0],
    ).toContain('must have a default or be a required property')
    expect(wrong({ type: 'array', items: { type: 'string' }, uniqueItems: true })[0]).toContain(
      'Forbidden: uniqueItems cannot be set to true',
    )
    expect(problems({ type: 'string' })[0]).toContain('must be object at the root')
    expect(
      problems({
        type: 'object',
        properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
      })[0],
    ).toContain('must not specify anything other than name and generateName')
  })
})

interface Options {
  group?: string
  names?: object
  versions?: object[]
  scope?: 'Namespaced' | 'Cluster'
}

function definition({
  group = 'example.com',
  names,
  versions,
  scope = 'Namespaced',
}: Options = {}): CustomResourceDefinition {
  const all = { plural: 'widgets', kind: 'Widget', shortNames: ['wi'], ...names }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${all.plural}.${group}` },
    spec: { group, names: all, scope, versions: versions ?? [version('v1', true)] },
  } as CustomResourceDefinition
}

function version(name: string, storage: boolean, more: object = {}): object {
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: { size: { type: 'integer', minimum: 1 }, colour: { type: 'string', default: 'blue' } },
      },
      status: { type: 'object', properties: { ready: { type: 'boolean' } } },
    },
  }
  return {
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: schema },
    subresources: { status: {} },
    additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
    selectableFields: [{ jsonPath: '.spec.colour' }],
    ...more,
  }
}

interface Widget extends KubeObject {
  spec?: { size?: number; colour?: string; more?: unknown }
  status?: { ready?: boolean }
}

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

class Fixture implements AsyncDisposable {
  readonly server: TestServer

  constructor(server: TestServer) {
    this.server = server
  }

  static async start(kinds: Kind[] = [], directory?: string): Promise<Fixture> {
    return new Fixture(await startTestServer({ kinds: [Namespace, CustomResourceDefinition, ...kinds], directory }))
  }

  call<T = KubeObject>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
    return this.server.transport().request<T>({ method, path, body })
  }

  /** Install a definition and wait until it is in force. */
  async install(body: CustomResourceDefinition): Promise<CustomResourceDefinition> {
    await this.call('POST', crds, body)
    return this.until(async () => {
      const current = await this.call<CustomResourceDefinition>('GET', `${crds}/${body.metadata.name}`)
      return current.status?.conditions?.length ? current : undefined
    })
  }

  async until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const found = await look()
      if (found !== undefined) return found
      await new Promise((done) => setTimeout(done, 10))
    }
    throw new Error('it did not come about')
  }

  async [Symbol.asyncDispose]() {
    await this.server.close()
  }
}

type OldDefinition = CustomResourceDefinition & {
  spec: {
    validation?: object
    subresources?: object
    additionalPrinterColumns?: { JSONPath: string; name: string; type: string }[]
  }
}

/** Some projects still write v1beta1, which has the parts of a version beside the versions. */
function asV1(written: OldDefinition): CustomResourceDefinition {
  if (written.apiVersion === 'apiextensions.k8s.io/v1') return written
  const { group, names, scope, versions, validation, subresources, additionalPrinterColumns } = written.spec
  const columns = additionalPrinterColumns?.map(({ JSONPath, ...column }) => ({ ...column, jsonPath: JSONPath }))
  const rest = { schema: validation, subresources, additionalPrinterColumns: columns }
  return {
    ...written,
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: {
      group,
      names,
      scope,
      versions: versions.map(({ name, served, storage }) => ({ name, served, storage, ...rest })),
    },
  } as CustomResourceDefinition
}

async function refusal(call: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof ApiError) return error
  throw new Error('was not refused')
}

const conditions = ({ status }: CustomResourceDefinition) =>
  Object.fromEntries((status?.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]))
const widgets = '/apis/example.com/v1/namespaces/default/widgets'
const widget = (name: string, spec: object): Widget => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
})

describe('custom resources', () => {
  it('are served as soon as their definition is established: with defaults, pruning, validation and status', async () => {
    await using fixture = await Fixture.start()
    const installed = await fixture.install(definition())
    expect(conditions(installed)).toEqual({
      NamesAccepted: 'True NoConflicts',
      Established: 'True InitialNamesAccepted',
    })
    expect(installed.status).toMatchObject({
      storedVersions: ['v1'],
      acceptedNames: { plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    })
    const made = await fixture.call<Widget>('POST', widgets, widget('a', { size: 2, more: 1 }))
    expect(made.spec).toEqual({ size: 2, colour: 'blue' })
    expect(made.metadata.generation).toBe(1)
    expect((await refusal(fixture.call('POST', widgets, widget('b', { size: 0 })))).message).toContain(
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    )
    expect((await refusal(fixture.call('POST', widgets, widget('b', {})))).message).toContain(
      'spec.size: Required value',
    )
    const status = await fixture.call<Widget>('PUT', `${widgets}/a/status`, {
      ...made,
      spec: { size: 9 },
      status: { ready: true },
    })
    expect(status).toMatchObject({ spec: { size: 2 }, status: { ready: true }, metadata: { generation: 1 } })
    const byColour = await fixture.server
      .transport()
      .request<KubeList<Widget>>({ method: 'GET', path: widgets, query: { fieldSelector: 'spec.colour=red' } })
    expect(byColour.items).toEqual([])
  })

  it('are served in several versions and follow changes of their definition', async () => {
    await using fixture = await Fixture.start()
    const installed = await fixture.install(definition({ versions: [version('v1', true), version('v2', false)] }))
    await fixture.call('POST', widgets, widget('a', { size: 2 }))
    const second = await fixture.call<Widget>('GET', '/apis/example.com/v2/namespaces/default/widgets/a')
    expect(second).toMatchObject({ apiVersion: 'example.com/v2', spec: { size: 2 } })
    const changed = {
      ...installed,
      spec: { ...installed.spec, versions: [version('v1', true), version('v2', false, { served: false })] },
    }
    await fixture.call('PUT', `${crds}/widgets.example.com`, changed)
    await fixture.until(async () => {
      const error = await fixture
        .call('GET', '/apis/example.com/v2/namespaces/default/widgets/a')
        .catch((reason: unknown) => reason)
      return error instanceof ApiError && error.code === 404 ? true : undefined
    })
    expect((await fixture.call('GET', `${widgets}/a`)).metadata.name).toBe('a')
  })

  it('refuse names that are taken, until those are free', async () => {
    await using fixture = await Fixture.start()
    await fixture.install(definition())
    const second = await fixture.install(
      definition({ names: { plural: 'gadgets', kind: 'Gadget', shortNames: ['wi'] } }),
    )
    expect(conditions(second)).toEqual({ NamesAccepted: 'False ShortNamesConflict', Established: 'False NotAccepted' })
    await fixture.call('DELETE', `${crds}/widgets.example.com`)
    await fixture.until(async () => {
      const now = await fixture.call<CustomResourceDefinition>('GET', `${crds}/gadgets.example.com`)
      return conditions(now)['Established']?.startsWith('True') ? true : undefined
    })
  })

  it('go with their definition, which waits for those that have finalizers', async () => {
    await using fixture = await Fixture.start()
    await fixture.install(definition())
    await fixture.call('POST', widgets, widget('a', { size: 1 }))
    const held = widget('held', { size: 1 })
    held.metadata.finalizers = ['example.com/hold']
    await fixture.call('POST', widgets, held)
    await fixture.call('DELETE', `${crds}/widgets.example.com`)
    const waiting = await fixture.until(async () => {
      const list = await fixture.call<KubeList<Widget>>('GET', widgets)
      return list.items.length === 1 && list.items[0]?.metadata.deletionTimestamp ? list.items[0] : undefined
    })
    expect(waiting.metadata).toMatchObject({ name: 'held', deletionTimestamp: expect.any(String) as string })
    expect(
      conditions(await fixture.call<CustomResourceDefinition>('GET', `${crds}/widgets.example.com`))['Terminating'],
    ).toContain('True')
    await fixture.call('PUT', `${widgets}/held`, { ...waiting, metadata: { ...waiting.metadata, finalizers: [] } })
    await fixture.until(async () => {
      const error = await fixture.call('GET', `${crds}/widgets.example.com`).catch((reason: unknown) => reason)
      return error instanceof ApiError && error.code === 404 ? true : undefined
    })
    expect((await refusal(fixture.call('GET', widgets))).code).toBe(404)
  })

  it('are served again after a restart, with the objects that were there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'thresher-crd-'))
    try {
      {
        await using fixture = await Fixture.start([], directory)
        await fixture.install(definition())
        await fixture.call('POST', widgets, widget('a', { size: 2 }))
      }
      await using fixture = await Fixture.start([], directory)
      expect((await fixture.call<Widget>('GET', `${widgets}/a`)).spec).toEqual({ size: 2, colour: 'blue' })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('leave a kind alone that is built in', async () => {
    const builtIn: Kind = {
      ...Namespace,
      group: 'example.com',
      plural: 'widgets',
      kind: 'Widget',
      singular: 'widget',
      apiVersion: 'example.com/v1',
      shortNames: ['wi'],
    }
    await using fixture = await Fixture.start([builtIn])
    expect(conditions(await fixture.install(definition()))['Established']).toContain('True')
    await fixture.call('DELETE', `${crds}/widgets.example.com`)
    expect(fixture.server.api.registry.lookup('example.com', 'v1', 'widgets')).toBe(builtIn)
  })

  it('refuse definitions that make no sense with 422 and the fields', async () => {
    await using fixture = await Fixture.start()
    const broken = definition({
      versions: [
        version('v1', true, {
          schema: { openAPIV3Schema: { type: 'object', properties: { x: {} } } },
          additionalPrinterColumns: [{ name: 'A', type: 'text', jsonPath: 'x' }],
          selectableFields: [],
        }),
      ],
    })
    const error = await refusal(fixture.call('POST', crds, broken))
    expect(error.code).toBe(422)
    expect(error.details?.causes?.map(({ field }) => field)).toEqual([
      'spec.versions[0].schema.openAPIV3Schema.properties[x].type',
      'spec.versions[0].additionalPrinterColumns[0].type',
      'spec.versions[0].additionalPrinterColumns[0].jsonPath',
    ])
  })

  const folder = resolve(import.meta.dirname, '../../../../shared/reference/crds')
  it.skipIf(!existsSync(folder))('of a whole product install and serve objects', async () => {
    await using fixture = await Fixture.start()
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
    expect(files.length).toBeGreaterThan(40)
    for (const file of files) {
      const body = asV1(JSON.parse(readFileSync(join(folder, file), 'utf8')) as OldDefinition)
      const installed = await fixture.install(body)
      expect([file, conditions(installed)['Established']]).toEqual([file, 'True InitialNamesAccepted'])
      const { group, names, scope, versions } = body.spec
      for (const { name, served } of versions) {
        if (!served) continue
        const path =
          scope === 'Namespaced'
            ? `/apis/${group}/${name}/namespaces/default/${names.plural}`
            : `/apis/${group}/${name}/${names.plural}`
        const list = await fixture.call<KubeList<KubeObject>>('GET', path)
        expect(list.kind).toBe(`${names.kind}List`)
        const answer: unknown = await fixture
          .call('POST', path, { apiVersion: `${group}/${name}`, kind: names.kind, metadata: { name: `a-${name}` } })
          .catch((error: unknown) => error)
        // Some need a spec; what they then answer is a refusal of that, never a failure.
        if (answer instanceof ApiError) expect([file, answer.code]).toEqual([file, 422])
      }
    }
  })
})
