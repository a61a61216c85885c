import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { ApiError } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { importNodeAnnotation } from '@thresher/api/names'
import { readAnswer } from './agent-dialer.ts'
import type { SubresourceAnswer, SubresourceCall, SubresourceHandler } from '@thresher/apiserver/subresource'
import type { Tools } from './handler.ts'

/** Headers of a file that pass between the client and the agent. */
const asked = ['range', 'if-range']
const given = ['content-type', 'content-length', 'content-range', 'accept-ranges', 'etag']

/** A call with what is sent and the headers of it. */
export interface FileCall extends Pick<SubresourceCall, 'namespace' | 'name' | 'query' | 'signal'> {
  method: string
  stream?: Readable
  headers?: Record<string, string | string[] | undefined>
}

/**
 * `upload` and `download` of an image: `GET …/upload` says how much has come, `PUT …/upload?offset=&size=` sends more of it, and
 * `GET …/download?format=qcow2|raw` gives the file, or the rest of it by `Range`. Bytes pass through to the agent that has the image.
 */
export function imageSubresources(tools: () => Tools): SubresourceHandler[] {
  const base = {
    group: 'harvesterhci.io',
    version: 'v1beta1',
    plural: 'virtualmachineimages',
    namespaced: true,
  } as const
  return [
    {
      ...base,
      subresource: 'upload',
      methods: ['GET', 'PUT', 'POST'],
      streams: true,
      handle: (call) => passUpload(call, tools()),
    },
    { ...base, subresource: 'download', methods: ['GET'], handle: (call) => passDownload(call, tools()) },
  ]
}

/** Pass the bytes of an image's file to its node. */
export async function passUpload(call: FileCall, tools: Tools): Promise<SubresourceAnswer> {
  const image = await tools.client.resource(VirtualMachineImage).get(call.name, call.namespace)
  if (image.spec.sourceType !== 'upload')
    throw new ApiError(
      'Conflict',
      `the image ${call.namespace}/${call.name} is not uploaded: its source type is ${image.spec.sourceType}`,
    )
  const method = call.method === 'GET' ? 'GET' : 'PUT'
  const path = agentPath(call, 'upload', ['offset', 'size'])
  const { signal } = call
  const response = await tools.dialer.stream(nodeOf(image), { method, path, body: call.stream, signal })
  return { status: response.statusCode ?? 502, ...(await readAnswer(response, nodeOf(image))) }
}

/** Pass an image's file to who asks. */
async function passDownload(call: FileCall, tools: Tools): Promise<SubresourceAnswer> {
  const image = await tools.client.resource(VirtualMachineImage).get(call.name, call.namespace)
  const response = await tools.dialer.stream(nodeOf(image), {
    method: 'GET',
    path: agentPath(call, 'download', ['format']),
    headers: pick(call.headers ?? {}, asked),
    signal: call.signal,
  })
  const status = response.statusCode ?? 502
  if (status >= 400 && status !== 416) return { status, ...(await readAnswer(response, nodeOf(image))) }
  const format = call.query.get('format') === 'raw' ? 'raw' : 'qcow2'
  const headers = {
    ...pick(response.headers, given),
    'content-disposition': `attachment; filename="${call.name}.${format}"`,
  }
  return { status, body: undefined, bytes: { source: response, headers } }
}

function agentPath({ namespace, name, query }: FileCall, what: string, fields: string[]): string {
  const kept = new URLSearchParams(fields.flatMap((field) => (query.has(field) ? [[field, query.get(field)!]] : [])))
  return `/images/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${what}?${kept.toString()}`
}

/** @throws {ApiError} Conflict while no node has been chosen */
function nodeOf({ metadata }: VirtualMachineImage): string {
  const node = metadata.annotations?.[importNodeAnnotation]
  if (node) return node
  throw new ApiError('ServiceUnavailable', `the image ${metadata.name} has no node yet; try again`, {
    details: { retryAfterSeconds: 1 },
  })
}

function pick(headers: IncomingMessage['headers'], names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])))
}
