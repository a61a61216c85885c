/** A JSON value that is one of two forms, and the message that holds either. */
interface Union {
  /** The message as JSON has it. */
  toJson(message: Record<string, unknown>): unknown
  /** JSON as the message's fields. */
  toMessage(value: unknown): Record<string, unknown>
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Messages of a CustomResourceDefinition's schema that stand for a JSON Schema or something else, by name. */
export const unions: Readonly<Record<string, Union>> = {
  JSONSchemaPropsOrBool: {
    toJson: (message) => message['schema'] ?? message['allows'] ?? false,
    toMessage: (value) => (isObject(value) ? { allows: true, schema: value } : { allows: value === true }),
  },
  JSONSchemaPropsOrArray: {
    toJson: (message) => message['jSONSchemas'] ?? message['schema'] ?? {},
    toMessage: (value) => (Array.isArray(value) ? { jSONSchemas: value } : { schema: value }),
  },
  JSONSchemaPropsOrStringArray: {
    toJson: (message) => message['property'] ?? message['schema'] ?? [],
    toMessage: (value) => (Array.isArray(value) ? { property: value } : { schema: value }),
  },
}
