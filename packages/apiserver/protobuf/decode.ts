import type { MessageField, MessageType } from '@thresher/api/protobuf/messages'
import { parseCounted, protoField, tooDeep, tooMuch, type BodyLimits } from '../body/json.ts'
import { sizes } from '../limits/sizes.ts'
import { ProtobufReader, wire } from './reader.ts'
import { microTimeText, timeText, type Timestamp } from './timestamp.ts'
import { unions } from './unions.ts'

type JsonObject = Record<string, unknown>

/**
 * What a body has so far of what the limits bound. Values are those that are not empty: a client writes an empty field for
 * each that it leaves out, and those take only reading, so they are bounded by themselves and far higher.
 */
interface Budget {
  readonly limits: BodyLimits
  values: number
  fields: number
  /** Keys of each map. */
  readonly keys: Map<JsonObject, number>
}

function countValues(budget: Budget, count = 1): void {
  budget.values += count
  if (budget.values > budget.limits.values) throw tooMuch(`more than ${budget.limits.values} values`)
}

/** Go to the next field of a message, counted. */
function next(reader: ProtobufReader, budget: Budget): boolean {
  if (!reader.next()) return false
  budget.fields += 1
  if (budget.fields > sizes.protobufFields) throw tooMuch(`more than ${sizes.protobufFields} fields`)
  return true
}

/**
 * A message as the object that JSON would have given.
 *
 * Kubernetes' clients write a plain field even when it is empty and a pointer only when it is set: the former is left out
 * here while it is empty, the latter is kept. Fields that nobody declared are passed over, as unknown ones of JSON are.
 *
 * @throws {RangeError} when the bytes are no such message. @throws {ApiError} when it has more parts than a body may have
 */
export function decodeMessage(type: MessageType, bytes: Buffer, limits: BodyLimits = sizes): JsonObject {
  const object: JsonObject = {}
  readFields(type, new ProtobufReader(bytes), object, { limits, values: 0, fields: 0, keys: new Map() }, 1)
  return object
}

function readFields(
  type: MessageType,
  reader: ProtobufReader,
  object: JsonObject,
  budget: Budget,
  depth: number,
): void {
  if (depth > budget.limits.depth) throw tooDeep(budget.limits.depth)
  while (next(reader, budget)) {
    const field = type.byNumber[reader.field]
    if (!field) reader.skip()
    else readField(field, reader, object, budget, depth)
  }
}

/** The fields of a message within this one. */
function readWithin(
  type: MessageType,
  reader: ProtobufReader,
  object: JsonObject,
  budget: Budget,
  depth: number,
): void {
  const outer = reader.enter()
  readFields(type, reader, object, budget, depth + 1)
  reader.leave(outer)
}

function readField(
  field: MessageField,
  reader: ProtobufReader,
  object: JsonObject,
  budget: Budget,
  depth: number,
): void {
  switch (field.shape) {
    case 'inline':
      return readWithin(field.message!, reader, object, budget, depth)
    case 'list':
      return readItems(field, reader, (object[field.name] ??= []) as unknown[], budget, depth)
    case 'map':
      return readPair(field, reader, (object[field.name] ??= {}) as JsonObject, budget, depth)
    default: {
      const before = object[field.name]
      const value = readValue(field, reader, budget, depth, field.message && isObject(before) ? before : undefined)
      if (value !== undefined && (field.presence !== 'set' || !isEmpty(value, field))) object[field.name] = value
    }
  }
}

function readItems(field: MessageField, reader: ProtobufReader, list: unknown[], budget: Budget, depth: number): void {
  const { listItems } = budget.limits
  const before = list.length
  const packed = reader.type === wire.bytes && (field.type === 'int32' || field.type === 'int64')
  if (!packed) list.push(readValue(field, reader, budget, depth) ?? null)
  else {
    const outer = reader.enter()
    while (!reader.ended && list.length <= listItems) list.push(reader.signed())
    reader.leave(outer)
  }
  countValues(budget, list.length - before)
  if (list.length > listItems) throw tooMuch(`a list of more than ${listItems} items`)
}

function readPair(field: MessageField, reader: ProtobufReader, map: JsonObject, budget: Budget, depth: number): void {
  let key = ''
  let value: unknown
  const outer = reader.enter()
  while (next(reader, budget)) {
    if (reader.field === 1) key = reader.text()
    else if (reader.field === 2) value = readValue(field, reader, budget, depth)
    else reader.skip()
  }
  reader.leave(outer)
  if (key === '__proto__') throw protoField()
  map[key] = value ?? emptyOf(field)
  countValues(budget)
  const keys = (budget.keys.get(map) ?? 0) + 1
  budget.keys.set(map, keys)
  if (keys > budget.limits.mapKeys) throw tooMuch(`a map of more than ${budget.limits.mapKeys} keys`)
}

/** A value of a map that the sender left out is the empty one. */
function emptyOf({ type, message }: MessageField): unknown {
  if (message) return {}
  return type === 'Quantity' ? '0' : type === 'ExtraValue' ? [] : ''
}

function readValue(
  field: MessageField,
  reader: ProtobufReader,
  budget: Budget,
  depth: number,
  into?: JsonObject,
): unknown {
  if (field.message) {
    const object = into ?? {}
    readWithin(field.message, reader, object, budget, depth)
    const union = unions[field.type]
    return union ? union.toJson(object) : object
  }
  const value = readScalar(field, reader, budget, depth)
  if (value !== undefined && !isEmpty(value, field)) countValues(budget)
  return value
}

function readScalar(field: MessageField, reader: ProtobufReader, budget: Budget, depth: number): unknown {
  switch (field.type) {
    case 'string':
      return reader.text()
    case 'bool':
      reader.require(wire.varint)
      return reader.bool()
    case 'int32':
    case 'int64':
      reader.require(wire.varint)
      return reader.signed()
    case 'double':
      reader.require(wire.fixed64)
      return reader.double()
    case 'bytes':
      return reader.base64()
    default:
      return readLeaf(field.type, reader, budget, depth)
  }
}

/** Messages that JSON writes as a single value. */
function readLeaf(type: string, reader: ProtobufReader, budget: Budget, depth: number): unknown {
  const outer = reader.enter()
  const value = leafOf(type, reader, budget, depth)
  reader.leave(outer)
  return value
}

function leafOf(type: string, reader: ProtobufReader, budget: Budget, depth: number): unknown {
  switch (type) {
    case 'Time':
    case 'MicroTime': {
      const time = readTimestamp(reader, budget)
      return time && (type === 'Time' ? timeText(time) : microTimeText(time))
    }
    case 'Quantity':
      return readTexts(reader, budget)[0] || '0'
    case 'IntOrString':
      return readIntOrString(reader, budget)
    case 'ExtraValue':
      return readTexts(reader, budget)
    default:
      return readRaw(reader, budget, depth)
  }
}

function readTimestamp(reader: ProtobufReader, budget: Budget): Timestamp | undefined {
  const time = { seconds: 0, nanos: 0 }
  // An empty message is Go's zero time, which JSON has as null.
  if (reader.ended) return undefined
  while (next(reader, budget)) {
    // To write a time as text costs more than to read it, so its parts count too.
    countValues(budget)
    if (reader.type !== wire.varint) reader.skip()
    else if (reader.field === 1) time.seconds = reader.signed()
    else if (reader.field === 2) time.nanos = reader.signed()
    else reader.skip()
  }
  // What JavaScript can write: years 0 to 9999.
  if (time.seconds < -62_167_219_200 || time.seconds > 253_402_300_799) throw new RangeError('a time is out of range')
  return time
}

function readTexts(reader: ProtobufReader, budget: Budget): string[] {
  const texts: string[] = []
  while (next(reader, budget)) {
    countValues(budget)
    if (reader.field === 1) texts.push(reader.text())
    else reader.skip()
  }
  return texts
}

function readIntOrString(reader: ProtobufReader, budget: Budget): number | string {
  let isText = false
  let number = 0
  let text = ''
  while (next(reader, budget)) {
    if (reader.field === 1) isText = reader.unsigned() === 1
    else if (reader.field === 2) number = reader.signed()
    else if (reader.field === 3) text = reader.text()
    else reader.skip()
  }
  return isText ? text : number
}

/** RawExtension, FieldsV1 and JSON hold JSON as bytes; what is in there counts as part of the body. */
function readRaw(reader: ProtobufReader, budget: Budget, depth: number): unknown {
  let raw: Buffer | undefined
  while (next(reader, budget)) {
    if (reader.field === 1) {
      countValues(budget)
      raw = reader.bytes()
    } else reader.skip()
  }
  if (!raw || raw.length === 0) return undefined
  const { limits, values } = budget
  const parsed = parseCounted(raw, { ...limits, depth: Math.max(1, limits.depth - depth) }, values)
  budget.values = parsed.values
  return parsed.value
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a plain field is left out of JSON with this value. */
function isEmpty(value: unknown, { type }: MessageField): boolean {
  if (type === 'Quantity' || type === 'JSON') return false
  if (isObject(value)) return Object.keys(value).length === 0
  return value === '' || value === 0 || value === false
}
