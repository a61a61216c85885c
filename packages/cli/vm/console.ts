import { authorization, tlsOptions } from '@thresher/client/node/https-transport'
import type { KubeconfigContext } from '@thresher/client/node/kubeconfig'
import WebSocket from 'ws'
import { UserError } from '../user-error.ts'

/** Ctrl-], which leaves the console as it leaves telnet. */
const escape = 0x1d

/**
 * Join this terminal with the serial console of a virtual machine until the user leaves or the console ends.
 *
 * @throws {UserError} when the server refuses, with its words
 */
export async function attachConsole(
  connection: KubeconfigContext,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `/apis/subresources.kubevirt.io/v1/namespaces/${encodeURIComponent(namespace)}/virtualmachineinstances/${encodeURIComponent(name)}/console`
  const socket = new WebSocket(`${connection.server.replace(/^http/, 'ws')}${path}`, ['plain.kubevirt.io'], {
    ...tlsOptions(connection),
    headers: authorization(connection),
  })
  const { stdin, stdout } = process
  await new Promise<void>((resolve, reject) => {
    const leave = () => socket.close()
    socket.on('unexpected-response', (_request, response) => {
      reject(new UserError(`the server refused the console of ${namespace}/${name} (HTTP ${response.statusCode}).`))
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('message', (data: Buffer) => stdout.write(data))
    socket.on('open', () => {
      console.error(`Connected to ${namespace}/${name}. Leave with Ctrl-]. Press Enter if nothing shows.`)
      if (stdin.isTTY) stdin.setRawMode(true)
      stdin.resume()
      stdin.on('data', (data: Buffer) => (data.includes(escape) ? leave() : socket.send(data)))
      stdin.on('end', leave)
    })
    signal.addEventListener('abort', leave, { once: true })
  }).finally(() => {
    if (stdin.isTTY) stdin.setRawMode(false)
    stdin.pause()
  })
}
