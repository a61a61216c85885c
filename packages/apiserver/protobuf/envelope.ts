import { ApiError } from '@thresher/api/error'
import { messageOf } from '@thresher/api/protobuf/kinds'
import { messages } from '@thresher/api/protobuf/messages'
import type { MessageType } from '@thresher/api/protobuf/messages'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import { ProtobufReader } from './reader.ts'
import { ProtobufWriter } from './writer.ts'

export const protobufType = 'application/vnd.kubernetes.protobuf'

/** `k8s` and a zero byte, before every object; only the events of a watch go without. */
const magic = Buffer.from([0x6b, 0x38, 0x73, 0])
const TYPE_META = 1
const RAW = 2

const typeMeta = messages([], 'TypeMeta { 1 apiVersion string, 2 kind string }').get('TypeMeta')!

/**
 * Read a body in Kubernetes' protobuf form as the object that JSON would have given.
 *
 * @throws {ApiError} UnsupportedMediaType for a kind without a protobuf form; BadRequest when damaged
 */
export function parseProtobuf(body: Buffer): Record<string, unknown> {
  try {
    if (!body.subarray(0, magic.length).equals(magic)) throw new RangeError('the magic number is missing')
    const { type, raw } = openEnvelope(body)
    const { apiVersion = '', kind = '' } = decodeMessage(typeMeta, type) as { apiVersion?: string; kind?: string }
    const message = messageOf(apiVersion, kind)
    if (!message) throw unreadable(kind || 'this kind')
    return { apiVersion, kind, ...decodeMessage(message, raw) }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError('BadRequest', `the protobuf body is damaged: ${(error as Error).message}`, { cause: error })
  }
}

/** An envelope has four fields. Each is found in one step, so those of a stranger are not followed without end. */
const mostFields = 64

function openEnvelope(body: Buffer): { type: Buffer; raw: Buffer } {
  const found = { type: Buffer.alloc(0) as Buffer, raw: Buffer.alloc(0) as Buffer }
  const reader = new ProtobufReader(body, magic.length)
  for (let fields = 1; reader.next(); fields += 1) {
    if (fields > mostFields) throw new RangeError(`the envelope has more than ${mostFields} fields`)
    if (reader.field === TYPE_META) found.type = reader.bytes()
    else if (reader.field === RAW) found.raw = reader.bytes()
    else reader.skip()
  }
  return found
}

function unreadable(what: string): ApiError {
  return new ApiError('UnsupportedMediaType', `${what} cannot be read as protobuf: send application/json`)
}

/** An object in its envelope, as the body of an answer. */
export function encodeObject(
  message: MessageType,
  apiVersion: string,
  kind: string,
  object: Readonly<Record<string, unknown>>,
): Buffer {
  return envelope(apiVersion, kind, (writer) => encodeMessage(writer, message, object))
}

/** A list in its envelope. Kubernetes gives every list the same two fields: its metadata and its items. */
export function encodeList(
  message: MessageType,
  apiVersion: string,
  kind: string,
  metadata: Readonly<Record<string, unknown>>,
  items: Iterable<object>,
): Buffer {
  const listMeta = messageOf('meta.k8s.io/v1', 'Status')!.byNumber[1]!.message!
  return envelope(apiVersion, `${kind}List`, (writer) => {
    writer.message(1, () => encodeMessage(writer, listMeta, metadata))
    for (const item of items) {
      const start = writer.open(2)
      encodeMessage(writer, message, item as Record<string, unknown>)
      writer.close(start)
    }
  })
}

function envelope(apiVersion: string, kind: string, body: (writer: ProtobufWriter) => void): Buffer {
  const writer = new ProtobufWriter(4096)
  writer.raw(magic)
  writer.message(TYPE_META, () => writer.putText(1, apiVersion).putText(2, kind))
  const start = writer.open(RAW)
  body(writer)
  // Kubernetes' own envelope names no encoding or type of the content, and writes that down.
  return writer.close(start).putText(3, '').putText(4, '').bytes()
}

/** One event of a watch: its length in four bytes, its type, and the enveloped object. */
export function encodeEvent(type: string, object: Buffer): Buffer {
  const writer = new ProtobufWriter(object.length + 64)
  writer.raw(Buffer.alloc(4)).putText(1, type)
  writer.message(2, () => writer.putBytes(1, object))
  const frame = writer.bytes()
  frame.writeUInt32BE(frame.length - 4)
  return frame
}
