import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { messageOf } from '@thresher/api/protobuf/kinds'
import { stringify } from 'yaml'
import type { Entry } from '../entry.ts'
import { encodeList, encodeObject, protobufType } from '../protobuf/envelope.ts'
import type { Resource } from '../registry.ts'
import { valueAnswer, type Answer } from '../request.ts'
import { partialMetadata, partialMetadataList } from '../table/partial-metadata.ts'
import { toTable } from '../table/table.ts'
import { contentTypeOf, type Form } from './form.ts'
import type { ListResult } from './list.ts'

/** Bytes of one piece of a streamed list. */
const CHUNK = 256 * 1024

/** The entry's object as `kind` has it: shared, read-only. */
export function objectAs(resource: Resource, kind: Kind, entry: Entry): KubeObject {
  const object = entry.object(resource.cache.jsonPrefix)
  return object.apiVersion === kind.apiVersion ? object : { ...object, apiVersion: kind.apiVersion }
}

/** One stored object in the form that was asked for. Plain JSON is sent from the stored bytes. */
export function entryAnswer(resource: Resource, kind: Kind, entry: Entry, form: Form, status = 200): Answer {
  if (form.shape !== 'plain' || form.encoding !== 'json') {
    return objectAnswer(kind, objectAs(resource, kind, entry), form, status)
  }
  const prefix = resource.prefix(kind).bytes
  return {
    status,
    contentType: 'application/json',
    value: () => objectAs(resource, kind, entry),
    chunks: () => [entry.json(prefix)],
    length: entry.jsonLength(prefix),
  }
}

/** An object that is not (yet) stored, in the form that was asked for. */
export function objectAnswer(kind: Kind, object: KubeObject, form: Form, status = 200): Answer {
  return encode(status, shapeObject(kind, object, form), form)
}

/** An object in another shape. */
export function shapeObject(kind: Kind, object: KubeObject, form: Form): unknown {
  switch (form.shape) {
    case 'table':
      return toTable(kind, [object], {
        apiVersion: `meta.k8s.io/${form.version}`,
        includeObject: form.includeObject,
        metadata: { resourceVersion: object.metadata.resourceVersion },
      })
    case 'partial':
    case 'partial-list':
      return partialMetadata(object, `meta.k8s.io/${form.version}`)
    default:
      return object
  }
}

/** A value as JSON, YAML or protobuf; as JSON too where it has no protobuf form. */
export function encode(status: number, value: unknown, form: Pick<Form, 'encoding'>): Answer {
  if (form.encoding === 'protobuf') return protobufAnswer(status, value as KubeObject)
  if (form.encoding === 'json') return valueAnswer(status, value)
  return {
    status,
    contentType: 'application/yaml',
    value: () => value,
    chunks: () => [Buffer.from(stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }))],
  }
}

function protobufAnswer(status: number, value: KubeObject): Answer {
  const { apiVersion = '', kind = '' } = value
  const message = messageOf(apiVersion, kind)
  if (!message) return valueAnswer(status, value)
  return bytesAnswer(
    status,
    () => encodeObject(message, apiVersion, kind, { ...value }),
    () => value,
  )
}

function bytesAnswer(status: number, bytes: () => Buffer, value: () => unknown): Answer {
  return { status, contentType: protobufType, value, chunks: () => [bytes()] }
}

/** A list in the form that was asked for. */
export function listAnswer(resource: Resource, kind: Kind, list: ListResult, form: Form): Answer {
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continue ? { continue: list.continue } : {}),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  }
  const objects = () => list.entries.map((entry) => objectAs(resource, kind, entry))
  if (form.shape === 'table') {
    return encode(
      200,
      toTable(kind, objects(), {
        apiVersion: `meta.k8s.io/${form.version}`,
        includeObject: form.includeObject,
        metadata,
      }),
      form,
    )
  }
  if (form.shape === 'partial' || form.shape === 'partial-list') {
    return encode(200, partialMetadataList(objects(), metadata, `meta.k8s.io/${form.version}`), form)
  }
  const message = messageOf(kind.apiVersion, kind.kind)
  const head = { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata }
  const value = () => ({ ...head, items: objects() })
  if (form.encoding === 'protobuf' && message) {
    return bytesAnswer(200, () => encodeList(message, kind.apiVersion, kind.kind, metadata, objects()), value)
  }
  // A list of Kubernetes' own kinds names the type of its items once, as its own. Callers in this process get what lies in the cache.
  if (form.encoding === 'yaml') return encode(200, message ? { ...head, items: objects().map(untyped) } : value(), form)
  const start = message ? untypedStart : resource.prefix(kind).bytes
  return {
    status: 200,
    contentType: contentTypeOf({ ...form, encoding: 'json' }),
    value,
    chunks: () => listChunks(start, list.entries, `${JSON.stringify(head).slice(0, -1)},"items":[`),
  }
}

/** How an object without its type begins. */
const untypedStart = Buffer.from('{"metadata":{')

function untyped({ apiVersion: _version, kind: _kind, ...object }: KubeObject): object {
  return object
}

/** The list's JSON in pieces, copied together from the stored bytes as they are taken. */
function* listChunks(prefix: Buffer, entries: readonly Entry[], head: string): Iterable<Buffer> {
  let chunk = Buffer.allocUnsafe(CHUNK)
  let at = chunk.write(head)
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index]!
    const needed = entry.jsonLength(prefix) + 3
    if (at + needed > chunk.length) {
      yield chunk.subarray(0, at)
      chunk = Buffer.allocUnsafe(Math.max(CHUNK, needed))
      at = 0
    }
    if (index > 0) chunk[at++] = 0x2c
    at = entry.writeJson(prefix, chunk, at)
  }
  at += chunk.write(']}', at)
  yield chunk.subarray(0, at)
}
