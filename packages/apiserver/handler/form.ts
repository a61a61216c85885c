import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import { messageOf } from '@thresher/api/protobuf/kinds'
import { protobufType } from '../protobuf/envelope.ts'
import type { ServerRequest } from '../request.ts'

/** The shape that a client wants objects in. */
export type Shape = 'plain' | 'table' | 'partial' | 'partial-list'

/** What the Accept header asks for, of what can be given. */
export interface Form {
  shape: Shape
  /** The version of meta.k8s.io for tables and partial objects. */
  version: 'v1' | 'v1beta1'
  encoding: 'json' | 'yaml' | 'protobuf'
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
  [protobufType]: 'protobuf',
  'application/yaml': 'yaml',
  'text/yaml': 'yaml',
  'application/x-yaml': 'yaml',
  'application/*': 'json',
  '*/*': 'json',
  'text/*': 'json',
  'text/html': 'json',
}

/**
 * The first of the accepted forms that can be given.
 *
 * @param kind what the answer holds: Kubernetes' own kinds have a protobuf form, others have none
 * @throws {ApiError} NotAcceptable when none can
 */
export function readForm(
  request: Pick<ServerRequest, 'headers' | 'query'>,
  kind?: Pick<Kind, 'apiVersion' | 'kind'>,
): Form {
  const header = request.headers.accept
  const accept = (Array.isArray(header) ? header.join(',') : header) || 'application/json'
  const includeObject = readInclude(request.query.get('includeObject'))
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim())
    const encoding = encodings[type.toLowerCase()]
    if (!encoding) continue
    const named = Object.fromEntries(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    const plain = named.as === undefined
    if (plain && encoding === 'protobuf' && !(kind && messageOf(kind.apiVersion, kind.kind))) continue
    if (plain) return { shape: 'plain', version: 'v1', encoding, includeObject }
    const shape = shapes[named.as ?? '']
    const version = named.v ?? 'v1'
    if (!shape || (named.g ?? 'meta.k8s.io') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue
    if (encoding === 'protobuf' && shape === 'table') continue
    return { shape, version, encoding, includeObject }
  }
  const forms = ['application/json', 'application/yaml']
  if (kind && messageOf(kind.apiVersion, kind.kind)) forms.push(protobufType)
  forms.push(...Object.keys(shapes).map((shape) => `application/json;as=${shape};g=meta.k8s.io;v=v1`))
  throw new ApiError('NotAcceptable', `only the following media types are accepted: ${forms.join(', ')}`)
}

function readInclude(text: string | null): Form['includeObject'] {
  if (text === null || text === '') return 'Metadata'
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text
  throw new ApiError(
    'BadRequest',
    `includeObject: Unsupported value: ${JSON.stringify(text)}: supported values: "None", "Metadata", "Object"`,
  )
}

const contentTypes = { json: 'application/json', yaml: 'application/yaml', protobuf: protobufType } as const

/** The media type of answers in this form. */
export function contentTypeOf(form: Form): string {
  return contentTypes[form.encoding]
}
