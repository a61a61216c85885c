import { ProtobufReader } from '../protobuf/reader.ts'
import { ProtobufWriter, type MessageBody } from '../protobuf/writer.ts'

/**
 * The messages of etcd's v3 API that the store uses, of their fields those that it uses.
 *
 * @see etcd's rpc.proto and kv.proto for the numbers
 */

export interface KeyValue {
  key: Buffer
  value: Buffer
  mod_revision: number
}

interface Header {
  header: { revision: number }
}

export interface RangeRequest {
  key: Buffer
  range_end?: Buffer
  limit?: number
  revision?: number
  keys_only?: boolean
}

export interface RangeResponse extends Header {
  kvs: KeyValue[]
  more: boolean
}

/** What a transaction does: one of these. */
export interface Operation {
  request_range?: RangeRequest
  request_put?: { key: Buffer; value: Buffer }
  request_delete_range?: { key: Buffer }
}

export interface TxnRequest {
  /** Each holds when the key was last written at this revision; 0 for a key that is not there. */
  compare: { key: Buffer; mod_revision: number }[]
  success: Operation[]
  failure: Operation[]
}

export interface TxnResponse extends Header {
  succeeded: boolean
  responses: { response_range?: RangeResponse }[]
}

export interface WatchResponse extends Header {
  created: boolean
  canceled: boolean
  compact_revision: number
  cancel_reason: string
  /** A type of 0 is a put, 1 a deletion. */
  events: { type: number; kv: KeyValue }[]
}

export interface StatusResponse extends Header {
  dbSize: number
}

const COMPARE_MOD = 2

/** A field of bytes, left out when it is empty. */
function bytes(writer: ProtobufWriter, field: number, value: Buffer | undefined): void {
  if (value && value.length > 0) writer.putBytes(field, value)
}

function written(body: MessageBody): Buffer {
  const writer = new ProtobufWriter(512)
  body(writer)
  return writer.bytes()
}

function range({ key, range_end, limit, revision, keys_only }: RangeRequest): MessageBody {
  return (writer) => {
    bytes(writer, 1, key)
    bytes(writer, 2, range_end)
    writer.integer(3, limit).integer(4, revision).flag(8, keys_only)
  }
}

function operation({ request_range, request_put, request_delete_range }: Operation): MessageBody {
  return (writer) => {
    writer.message(1, request_range && range(request_range))
    writer.message(2, request_put && put(request_put))
    writer.message(3, request_delete_range && ((inner) => bytes(inner, 1, request_delete_range.key)))
  }
}

function put({ key, value }: { key: Buffer; value: Buffer }): MessageBody {
  return (writer) => {
    bytes(writer, 1, key)
    bytes(writer, 2, value)
  }
}

function compare({ key, mod_revision }: TxnRequest['compare'][number]): MessageBody {
  return (writer) => {
    writer.integer(2, COMPARE_MOD)
    bytes(writer, 3, key)
    writer.putInteger(6, mod_revision)
  }
}

/** Requests as bytes. */
export const requests = {
  Range: (request: RangeRequest) => written(range(request)),
  Txn: (request: TxnRequest) =>
    written((writer) =>
      writer
        .messages(1, request.compare, compare)
        .messages(2, request.success, operation)
        .messages(3, request.failure, operation),
    ),
  Compact: ({ revision }: { revision: number }) => written((writer) => writer.integer(1, revision)),
  Status: () => Buffer.alloc(0),
  /** A watch over a range of keys, from a revision on. */
  Watch: ({ key, range_end, start_revision }: { key: Buffer; range_end: Buffer; start_revision: number }) =>
    written((writer) =>
      writer.message(1, (inner) => {
        bytes(inner, 1, key)
        bytes(inner, 2, range_end)
        inner.integer(3, start_revision)
      }),
    ),
}

type ReadField = (reader: ProtobufReader) => void

/** Hand each field that is known to its reader. */
function eachField(reader: ProtobufReader, fields: Readonly<Record<number, ReadField>>): void {
  while (reader.next()) {
    const read = fields[reader.field]
    if (read) read(reader)
    else reader.skip()
  }
}

/** The message that the field holds. */
function within<T>(reader: ProtobufReader, read: (reader: ProtobufReader) => T): T {
  const outer = reader.enter()
  const value = read(reader)
  reader.leave(outer)
  return value
}

/** Values are kept for long: each has a memory block of its own, so that none keeps a whole answer alive. */
function own(bytesOf: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytesOf.length)
  bytesOf.copy(copy)
  return copy
}

function header(reader: ProtobufReader, into: Header): void {
  within(reader, (inner) => eachField(inner, { 3: (field) => (into.header.revision = field.signed()) }))
}

function keyValue(reader: ProtobufReader): KeyValue {
  const kv: KeyValue = { key: Buffer.alloc(0), value: Buffer.alloc(0), mod_revision: 0 }
  eachField(reader, {
    1: (field) => (kv.key = own(field.bytes())),
    3: (field) => (kv.mod_revision = field.signed()),
    5: (field) => (kv.value = own(field.bytes())),
  })
  return kv
}

function rangeResponse(reader: ProtobufReader): RangeResponse {
  const response: RangeResponse = { header: { revision: 0 }, kvs: [], more: false }
  eachField(reader, {
    1: (field) => header(field, response),
    2: (field) => void response.kvs.push(within(field, keyValue)),
    3: (field) => (response.more = field.bool()),
  })
  return response
}

function operationResponse(reader: ProtobufReader): TxnResponse['responses'][number] {
  const response: TxnResponse['responses'][number] = {}
  eachField(reader, { 1: (field) => (response.response_range = within(field, rangeResponse)) })
  return response
}

function watchEvent(reader: ProtobufReader): WatchResponse['events'][number] {
  const event = { type: 0, kv: { key: Buffer.alloc(0), value: Buffer.alloc(0), mod_revision: 0 } as KeyValue }
  eachField(reader, {
    1: (field) => (event.type = field.signed()),
    2: (field) => (event.kv = within(field, keyValue)),
  })
  return event
}

/** Answers from bytes. @throws {RangeError} when they are damaged */
export const responses = {
  Range: (answer: Buffer) => rangeResponse(new ProtobufReader(answer)),
  Txn: (answer: Buffer): TxnResponse => {
    const response: TxnResponse = { header: { revision: 0 }, succeeded: false, responses: [] }
    eachField(new ProtobufReader(answer), {
      1: (field) => header(field, response),
      2: (field) => (response.succeeded = field.bool()),
      3: (field) => void response.responses.push(within(field, operationResponse)),
    })
    return response
  },
  Compact: (answer: Buffer): Header => {
    const response = { header: { revision: 0 } }
    eachField(new ProtobufReader(answer), { 1: (field) => header(field, response) })
    return response
  },
  Status: (answer: Buffer): StatusResponse => {
    const response = { header: { revision: 0 }, dbSize: 0 }
    eachField(new ProtobufReader(answer), {
      1: (field) => header(field, response),
      3: (field) => (response.dbSize = field.signed()),
    })
    return response
  },
  Watch: (answer: Buffer): WatchResponse => {
    const response: WatchResponse = {
      header: { revision: 0 },
      created: false,
      canceled: false,
      compact_revision: 0,
      cancel_reason: '',
      events: [],
    }
    eachField(new ProtobufReader(answer), {
      1: (field) => header(field, response),
      3: (field) => (response.created = field.bool()),
      4: (field) => (response.canceled = field.bool()),
      5: (field) => (response.compact_revision = field.signed()),
      6: (field) => (response.cancel_reason = field.text()),
      11: (field) => void response.events.push(within(field, watchEvent)),
    })
    return response
  },
  /** A piece of the database. */
  Snapshot: (answer: Buffer): Buffer => {
    let blob: Buffer = Buffer.alloc(0)
    eachField(new ProtobufReader(answer), { 3: (field) => (blob = field.bytes()) })
    return blob
  },
}
