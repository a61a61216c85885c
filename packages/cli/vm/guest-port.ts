import { authorization, tlsOptions } from '@thresher/client/node/https-transport'
import type { KubeconfigContext } from '@thresher/client/node/kubeconfig'
import type { Readable, Writable } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'
import { UserError } from '../user-error.ts'

/** A TCP port of a virtual machine. */
export interface GuestPort {
  namespace: string
  name: string
  port: number
}

/**
 * Join two streams with a port of a virtual machine, on whatever host it runs: the bytes go through the API.
 *
 * Ends when the guest ends the connection.
 *
 * @throws {UserError} when the server refuses, with its status
 */
export async function joinGuestPort(
  connection: KubeconfigContext,
  { namespace, name, port }: GuestPort,
  input: Readable,
  output: Writable,
): Promise<void> {
  const instance = `namespaces/${encodeURIComponent(namespace)}/virtualmachineinstances/${encodeURIComponent(name)}`
  const path = `/apis/subresources.kubevirt.io/v1/${instance}/portforward/${port}/tcp`
  const socket = new WebSocket(`${connection.server.replace(/^http/, 'ws')}${path}`, ['plain.kubevirt.io'], {
    ...tlsOptions(connection),
    headers: authorization(connection),
  })
  await new Promise<void>((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) =>
      reject(new UserError(`port ${port} of ${namespace}/${name} cannot be reached (HTTP ${response.statusCode}).`)),
    )
    const guest = createWebSocketStream(socket)
    guest.on('error', reject).on('close', resolve)
    output.on('error', () => socket.close())
    input.pipe(guest)
    guest.pipe(output, { end: false })
  }).finally(() => {
    input.unpipe()
    input.pause()
    socket.terminate()
  })
}

/**
 * What ssh(1) runs to reach a guest through the API. The words are quoted for the shell that ssh gives them to, and its `%` is doubled.
 *
 * @param words the command line, program first
 */
export function proxyCommand(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`).replaceAll('%', '%%')}'`).join(' ')
}
