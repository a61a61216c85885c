import { ApiError } from '@thresher/api/error'
import type { ServerRequest } from '../request.ts'

/** The shape that a client wants objects in. */
export type Shape = 'plain' | 'table' | 'partial' | 'partial-list'

/** What the Accept header asks for, of what can be given. */
export interface Form {
  shape: Shape
  /** The version of meta.k8s.io for tables and partial objects. */
  version: 'v1' | 'v1beta1'
  encoding: 'json' | 'yaml'
  /** How much of each object goes with a table's row. */
  includeObject: 'None' | 'Metadata' | 'Object'
}

const shapes: Record<string, Shape> = {
  Table: 'table',
  PartialObjectMetadata: 'partial',
  PartialObjectMetadataList: 'partial-list',
}
const encodings: Record<string, Form['encoding']> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'text/yaml': 'yaml',
  'application/x-yaml': 'yaml',
  'application/*': 'json',
  '*/*': 'json',
  'text/*': 'json',
  'text/html': 'json',
}

/**
 * The first of the accepted forms that can be given; protobuf is not among them, clients name JSON beside it.
 *
 * @throws {ApiError} NotAcceptable when none can
 */
export function readForm(request: Pick<ServerRequest, 'headers' | 'query'>): Form {
  const header = request.headers.accept
  const accept = (Array.isArray(header) ? header.join(',') : header) || 'application/json'
  const includeObject = readInclude(request.query.get('includeObject'))
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim())
    const encoding = encodings[type.toLowerCase()]
    if (!encoding) continue
    const named = Object.fromEntries(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    if (named.as === undefined) return { shape: 'plain', version: 'v1', encoding, includeObject }
    const shape = shapes[named.as]
    const version = named.v ?? 'v1'
    if (!shape || (named.g ?? 'meta.k8s.io') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue
    return { shape, version, encoding, includeObject }
  }
  throw new ApiError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/json;as=Table;g=meta.k8s.io;v=v1, application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
  )
}

function readInclude(text: string | null): Form['includeObject'] {
  if (text === null || text === '') return 'Metadata'
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text
  throw new ApiError(
    'BadRequest',
    `includeObject: Unsupported value: ${JSON.stringify(text)}: supported values: "None", "Metadata", "Object"`,
  )
}

/** The media type of answers in this form. */
export function contentTypeOf(form: Form): string {
  return form.encoding === 'yaml' ? 'application/yaml' : 'application/json'
}
