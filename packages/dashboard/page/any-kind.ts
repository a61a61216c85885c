import type { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import { compileJsonPath } from '@thresher/api/jsonpath'
import type { Column as KindColumn, JsonSchema, Kind } from '@thresher/api/kind'
import { kinds } from '@thresher/api/kinds'
import type { KubeObject } from '@thresher/api/meta'
import type { Transport } from '@thresher/client/transport'
import { definePage, type Column, type Page } from './page.ts'

/** The page of a kind that has none of its own, from its declaration: its schema and its printer columns. */
export async function pageOfKind(transport: Transport, group: string, plural: string): Promise<Page> {
  const declared = kinds.find((kind) => kind.group === group && kind.plural === plural && kind.storageVersion !== false)
  const kind = declared ?? (await customKind(transport, group, plural))
  return definePage<KubeObject>({
    kind,
    help: 'anyKindHelp',
    command: `kubectl get ${plural}${group ? `.${group}` : ''}${kind.namespaced ? ' -A' : ''}`,
    columns: (kind.columns ?? []).filter(({ type, name }) => type !== 'date' && name !== 'Name').map(columnOf),
    draft: (namespace) => ({ metadata: { name: '', ...(kind.namespaced ? { namespace } : {}) } }),
  })
}

function columnOf({ name, path, priority = 0 }: KindColumn): Column {
  const read = typeof path === 'string' ? compileJsonPath(path) : undefined
  return {
    id: name.toLowerCase(),
    title: { text: name },
    wide: priority > 0,
    value(object) {
      const value = read ? read(object).map(textOf).join(', ') : (path as (object: KubeObject) => unknown)(object)
      return typeof value === 'number' ? value : textOf(value)
    },
  }
}

function textOf(value: unknown): string {
  if (value === undefined || value === null || value === '<none>') return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A kind that came with a CustomResourceDefinition, in the version that is stored. */
async function customKind(transport: Transport, group: string, plural: string): Promise<Kind> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${encodeURIComponent(`${plural}.${group}`)}`
  const { spec } = await transport.request<CustomResourceDefinition>({ method: 'GET', path })
  const version = spec.versions.find(({ storage }) => storage) ?? spec.versions[0]
  return {
    group,
    version: version?.name ?? 'v1',
    kind: spec.names.kind,
    plural,
    singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
    namespaced: spec.scope === 'Namespaced',
    apiVersion: `${group}/${version?.name ?? 'v1'}`,
    schema: (version?.schema?.openAPIV3Schema ?? {}) as JsonSchema,
    columns: (version?.additionalPrinterColumns ?? []).map(({ name, type, jsonPath, priority }) => ({
      name,
      type: type as KindColumn['type'],
      priority,
      path: jsonPath,
    })),
    origin: 'custom',
  }
}
