import type { OpenApiSchema } from './openapi-schema.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import type { SwaggerDocument, SwaggerOperation, SwaggerParameter, SwaggerPath } from './v2.ts'

/**
 * A Swagger 2.0 document as the protobuf message `openapi.v2.Document`, which kubectl up to 1.28 asks for.
 *
 * @see https://github.com/google/gnostic `openapiv2/OpenAPIv2.proto` for the field numbers
 */
export function gnosticDocument(document: SwaggerDocument): Buffer {
  const definitions = Object.entries(document.definitions).map(([name, value]) => named(name, schema(value)))
  const paths = Object.entries(document.paths).map(([path, item]) => named(path, pathItem(item)))
  return new ProtobufWriter()
    .text(1, document.swagger)
    .message(2, new ProtobufWriter().text(1, document.info.title).text(2, document.info.version))
    .message(8, new ProtobufWriter().messages(2, paths))
    .message(9, new ProtobufWriter().messages(1, definitions))
    .bytes()
}

/** A pair of the form that protobuf maps take here. */
function named(name: string, value: ProtobufWriter): ProtobufWriter {
  return new ProtobufWriter().text(1, name).message(2, value)
}

/** Any value, as YAML; JSON is YAML. */
function any(value: unknown): ProtobufWriter {
  return new ProtobufWriter().text(2, `${JSON.stringify(value)}\n`)
}

function extensions(from: Record<string, unknown>): ProtobufWriter[] {
  return Object.entries(from)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, value]) => named(name, any(value)))
}

function properties(value: Record<string, OpenApiSchema>): ProtobufWriter {
  const fields = Object.entries(value).map(([name, field]) => named(name, schema(field)))
  return new ProtobufWriter().messages(1, fields)
}

interface KnownSchema {
  $ref?: string
  format?: string
  description?: string
  default?: unknown
  multipleOf?: number
  maximum?: number
  exclusiveMaximum?: boolean
  minimum?: number
  exclusiveMinimum?: boolean
  maxLength?: number
  minLength?: number
  pattern?: string
  maxItems?: number
  minItems?: number
  uniqueItems?: boolean
  maxProperties?: number
  minProperties?: number
  required?: string[]
  enum?: unknown[]
  additionalProperties?: OpenApiSchema
  type?: string
  items?: OpenApiSchema
  properties?: Record<string, OpenApiSchema>
}

function schema(value: OpenApiSchema): ProtobufWriter {
  const known = value as KnownSchema
  const { additionalProperties, items } = known
  return new ProtobufWriter()
    .text(1, known.$ref)
    .text(2, known.format)
    .text(4, known.description)
    .message(5, known.default === undefined ? undefined : any(known.default))
    .double(6, known.multipleOf)
    .double(7, known.maximum)
    .flag(8, known.exclusiveMaximum)
    .double(9, known.minimum)
    .flag(10, known.exclusiveMinimum)
    .integer(11, known.maxLength)
    .integer(12, known.minLength)
    .text(13, known.pattern)
    .integer(14, known.maxItems)
    .integer(15, known.minItems)
    .flag(16, known.uniqueItems)
    .integer(17, known.maxProperties)
    .integer(18, known.minProperties)
    .texts(19, known.required)
    .messages(20, (known.enum ?? []).map(any))
    .message(21, additionalProperties && new ProtobufWriter().message(1, schema(additionalProperties)))
    .message(22, known.type ? new ProtobufWriter().text(1, known.type) : undefined)
    .message(23, items && new ProtobufWriter().message(1, schema(items)))
    .message(25, known.properties && properties(known.properties))
    .messages(31, extensions(value))
}

function pathItem({ operations, parameters }: SwaggerPath): ProtobufWriter {
  const { get, put, post, delete: remove, patch } = operations
  return new ProtobufWriter()
    .message(2, get && operation(get))
    .message(3, put && operation(put))
    .message(4, post && operation(post))
    .message(5, remove && operation(remove))
    .message(8, patch && operation(patch))
    .messages(9, parameters.map(parameter))
}

function operation(one: SwaggerOperation): ProtobufWriter {
  const responses = Object.entries(one.responses).map(([code, { description, schema: answer }]) => {
    const item = answer && new ProtobufWriter().message(1, schema(answer))
    const response = new ProtobufWriter().text(1, description).message(2, item)
    return named(code, new ProtobufWriter().message(1, response))
  })
  return new ProtobufWriter()
    .texts(1, one.tags)
    .text(5, one.operationId)
    .texts(6, one.produces)
    .texts(7, one.consumes)
    .messages(8, one.parameters.map(parameter))
    .message(9, new ProtobufWriter().messages(1, responses))
    .messages(13, extensions(one.extensions))
}

function parameter(one: SwaggerParameter): ProtobufWriter {
  const item = (inner: ProtobufWriter) => new ProtobufWriter().message(1, inner)
  if (one.in === 'body') {
    const body = new ProtobufWriter()
      .text(2, one.name)
      .text(3, 'body')
      .flag(4, one.required)
      .message(5, schema(one.schema))
    return item(new ProtobufWriter().message(1, body))
  }
  const inner = new ProtobufWriter().flag(1, one.required).text(2, one.in).text(3, one.description).text(4, one.name)
  if (one.in === 'query')
    return item(new ProtobufWriter().message(2, new ProtobufWriter().message(3, inner.text(6, one.type))))
  return item(new ProtobufWriter().message(2, new ProtobufWriter().message(4, inner.text(5, one.type))))
}
