import type { MessageField, MessageType } from '@thresher/api/protobuf/messages'
import { parseTime } from './timestamp.ts'
import { unions } from './unions.ts'
import type { ProtobufWriter } from './writer.ts'

type JsonObject = Record<string, unknown>

/**
 * Write an object's fields as a message, in the order of their declaration. What the message does not have (apiVersion
 * and kind, which the envelope carries) is left out.
 */
export function encodeMessage(writer: ProtobufWriter, type: MessageType, object: JsonObject): void {
  for (const field of type.fields) {
    if (field.shape === 'inline') {
      const start = writer.open(field.number)
      encodeMessage(writer, field.message!, object)
      writer.close(start)
      continue
    }
    const value = object[field.name]
    if (value === undefined || value === null) continue
    if (field.shape === 'one') writeValue(writer, field, field.number, value)
    else if (field.shape === 'list')
      for (const item of value as unknown[]) writeValue(writer, field, field.number, item)
    else writeMap(writer, field, value as JsonObject)
  }
}

/** Each pair is a message: the key is its field 1, the value its field 2. */
function writeMap(writer: ProtobufWriter, field: MessageField, map: JsonObject): void {
  for (const [key, value] of Object.entries(map)) {
    const start = writer.open(field.number)
    writer.putText(1, key)
    writeValue(writer, field, 2, value)
    writer.close(start)
  }
}

function writeValue(writer: ProtobufWriter, field: MessageField, number: number, value: unknown): void {
  if (field.message) {
    const union = unions[field.type]
    const start = writer.open(number)
    encodeMessage(writer, field.message, union ? union.toMessage(value) : (value as JsonObject))
    writer.close(start)
    return
  }
  switch (field.type) {
    case 'string':
      writer.putText(number, value as string)
      return
    case 'bool':
      writer.putInteger(number, value ? 1 : 0)
      return
    case 'int32':
    case 'int64':
      writer.putInteger(number, value as number)
      return
    case 'double':
      writer.putDouble(number, value as number)
      return
    case 'bytes':
      writer.putBytes(number, Buffer.from(value as string, 'base64'))
      return
    default: {
      const start = writer.open(number)
      writeLeaf(writer, field.type, value)
      writer.close(start)
    }
  }
}

/** What JSON has as one value and protobuf as a message of its own. */
function writeLeaf(writer: ProtobufWriter, type: string, value: unknown): void {
  switch (type) {
    case 'Time':
    case 'MicroTime': {
      const time = parseTime(value as string)
      if (!time) return
      writer.putInteger(1, time.seconds)
      // Go's Time keeps no fraction on the wire, MicroTime keeps microseconds.
      writer.putInteger(2, type === 'Time' ? 0 : time.nanos - (time.nanos % 1000))
      return
    }
    case 'Quantity':
      writer.putText(1, String(value))
      return
    case 'IntOrString':
      writer.putInteger(1, typeof value === 'string' ? 1 : 0)
      writer.putInteger(2, typeof value === 'number' ? value : 0)
      writer.putText(3, typeof value === 'string' ? value : '')
      return
    case 'ExtraValue':
      for (const text of value as string[]) writer.putText(1, text)
      return
    default:
      writer.putBytes(1, Buffer.from(JSON.stringify(value)))
  }
}
