import type { OpenApiSchema } from './openapi-schema.ts'
import { ProtobufWriter, type MessageBody } from '../protobuf/writer.ts'
import type { SwaggerDocument, SwaggerOperation, SwaggerParameter, SwaggerPath } from './v2.ts'

/**
 * A Swagger 2.0 document as the protobuf message `openapi.v2.Document`, which kubectl up to 1.28 asks for.
 *
 * @see https://github.com/google/gnostic `openapiv2/OpenAPIv2.proto` for the field numbers
 */
export function gnosticDocument({ swagger, info, paths, definitions }: SwaggerDocument): Buffer {
  return new ProtobufWriter()
    .text(1, swagger)
    .message(2, (inner) => inner.text(1, info.title).text(2, info.version))
    .message(8, (inner) => inner.messages(2, Object.entries(paths), named(pathItem)))
    .message(9, (inner) => inner.messages(1, Object.entries(definitions), named(schema)))
    .bytes()
}

/** A pair of the form that protobuf maps take here. */
function named<T>(body: (value: T) => MessageBody): (pair: [string, T]) => MessageBody {
  return ([name, value]) =>
    (message) =>
      message.text(1, name).message(2, body(value))
}

/** Any value, as YAML; JSON is YAML. */
function any(value: unknown): MessageBody {
  return (message) => message.text(2, `${JSON.stringify(value)}\n`)
}

function extensions(from: Record<string, unknown>): [string, unknown][] {
  return Object.entries(from).filter(([name]) => name.startsWith('x-'))
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

function schema(value: OpenApiSchema): MessageBody {
  const known = value as KnownSchema
  const { additionalProperties, items, properties, type } = known
  return (message) =>
    message
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
      .messages(20, known.enum ?? [], any)
      .message(21, additionalProperties && ((inner) => inner.message(1, schema(additionalProperties))))
      .message(22, type ? (inner) => inner.text(1, type) : undefined)
      .message(23, items && ((inner) => inner.message(1, schema(items))))
      .message(25, properties && ((inner) => inner.messages(1, Object.entries(properties), named(schema))))
      .messages(31, extensions(value), named(any))
}

function pathItem({ operations, parameters }: SwaggerPath): MessageBody {
  const { get, put, post, delete: remove, patch } = operations
  return (message) =>
    message
      .message(2, get && operation(get))
      .message(3, put && operation(put))
      .message(4, post && operation(post))
      .message(5, remove && operation(remove))
      .message(8, patch && operation(patch))
      .messages(9, parameters, parameter)
}

function operation(one: SwaggerOperation): MessageBody {
  return (message) =>
    message
      .texts(1, one.tags)
      .text(5, one.operationId)
      .texts(6, one.produces)
      .texts(7, one.consumes)
      .messages(8, one.parameters, parameter)
      .message(9, (inner) => inner.messages(1, Object.entries(one.responses), named(response)))
      .messages(13, extensions(one.extensions), named(any))
}

function response({ description, schema: answer }: SwaggerOperation['responses'][string]): MessageBody {
  const body: MessageBody = (message) =>
    message.text(1, description).message(2, answer && ((inner) => inner.message(1, schema(answer))))
  return (message) => message.message(1, body)
}

/** A parameter lies two choices deep: body or not, and then by its place. */
function parameter(one: SwaggerParameter): MessageBody {
  const within = (field: number, body: MessageBody): MessageBody => {
    return (message) => message.message(1, (inner) => inner.message(field, body))
  }
  if (one.in === 'body') {
    return within(1, (message) =>
      message.text(2, one.name).text(3, 'body').flag(4, one.required).message(5, schema(one.schema)),
    )
  }
  const [choice, typeField] = one.in === 'query' ? [3, 6] : [4, 5]
  return within(2, (message) =>
    message.message(choice, (inner) =>
      inner.flag(1, one.required).text(2, one.in).text(3, one.description).text(4, one.name).text(typeField, one.type),
    ),
  )
}
