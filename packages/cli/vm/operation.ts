import { buffer } from 'node:stream/consumers'
import { streamedRequest } from '@thresher/client/node/streamed-request'
import type { Context, OptionValues } from '../command.ts'

export const namespaceOption = {
  flags: '-n, --namespace <namespace>',
  description: 'the namespace',
  default: 'default',
}
export const nameArgument = { name: 'name', description: 'the virtual machine' }

/** An option that has a value. */
export function textOf(options: OptionValues, name: string): string {
  return options[name] as string
}

/** An operation on a machine, or on its run, as virtctl sends it. */
export async function machineOperation<T>(
  context: Context,
  options: OptionValues,
  name: string,
  operation: string,
  body: unknown = {},
  of: { plural?: 'virtualmachines' | 'virtualmachineinstances'; method?: 'GET' | 'PUT' } = {},
): Promise<T> {
  const { plural = 'virtualmachines', method = 'PUT' } = of
  const client = await context.client()
  const namespace = encodeURIComponent(textOf(options, 'namespace'))
  const path = `/apis/subresources.kubevirt.io/v1/namespaces/${namespace}/${plural}/${encodeURIComponent(name)}/${operation}`
  return client.transport.request<T>({ method, path, ...(method === 'GET' ? {} : { body }) })
}

/** A file that an operation on a run gives, such as a picture. */
export async function fetchFile(
  context: Context,
  options: OptionValues,
  name: string,
  operation: string,
): Promise<Buffer> {
  const namespace = encodeURIComponent(textOf(options, 'namespace'))
  const path = `/apis/subresources.kubevirt.io/v1/namespaces/${namespace}/virtualmachineinstances/${encodeURIComponent(name)}/${operation}`
  return buffer(await streamedRequest(context.connection(), { method: 'GET', path, signal: context.signal }))
}
