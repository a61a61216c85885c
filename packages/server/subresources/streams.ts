import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError } from '@thresher/api/error'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { agentPath, ask, notRunning } from './guest.ts'
import type { SubresourceCall } from '@thresher/apiserver/subresource'
import type { Operation, Tools } from './handler.ts'
import { conflict, getInstance } from './machines.ts'

/** A WebSocket that is joined with the agent's. virtctl tries again on 400, so that is the answer while nothing runs. */
function stream(
  plural: 'virtualmachines' | 'virtualmachineinstances',
  subresource: string,
  check: (instance: VirtualMachineInstance) => string | undefined = () => undefined,
): Operation {
  return {
    plural,
    subresource,
    methods: ['GET'],
    handle: () =>
      Promise.reject(new ApiError('BadRequest', `${subresource} is a WebSocket; ask for an upgrade of the connection`)),
    async upgrade(call, raw, socket, head, tools) {
      try {
        await connect(call, raw, socket, head, tools)
      } catch (error) {
        refuse(socket, error instanceof ApiError ? error : new ApiError('InternalError', String(error)))
      }
    },
  }

  async function connect(
    call: SubresourceCall,
    raw: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    tools: Tools,
  ): Promise<void> {
    const instance = await getInstance(tools.client, call)
    const against = notRunning(instance)
    if (against) throw new ApiError('BadRequest', `${against}: start ${call.name} and try again`)
    const missing = check(instance)
    if (missing) throw new ApiError('BadRequest', missing)
    const node = instance.status?.nodeName
    if (!node) throw conflict('virtualmachineinstance', call.name, 'VMI is not on a node yet')
    const operation = call.rest ? `${subresource}/${call.rest}` : subresource
    const query = call.query.toString()
    await tools.dialer.upgrade(node, `${agentPath(call, operation)}${query ? `?${query}` : ''}`, raw, socket, head)
  }
}

/** Answer an upgrade with an error, which clients print. */
export function refuse(socket: Duplex, error: ApiError): void {
  const body = Buffer.from(JSON.stringify(error.toStatus()))
  socket.on('error', () => {})
  socket.end(
    `HTTP/1.1 ${error.code} ${error.reason}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body.toString()}`,
  )
}

/** `…/console`: the serial console; `GET …/console/log` is what it said last. */
export const consoleStream: Operation = withPart(
  stream('virtualmachineinstances', 'console', (instance) =>
    instance.spec.domain.devices.autoattachSerialConsole === false
      ? 'No serial consoles are present; switch autoattachSerialConsole on.'
      : undefined,
  ),
  'log',
)

/** `…/vnc`: the screen by RFB; `GET …/vnc/screenshot` is a picture of it. */
export const vncStream: Operation = withPart(
  stream('virtualmachineinstances', 'vnc', (instance) =>
    instance.spec.domain.devices.autoattachGraphicsDevice === false
      ? 'No graphics devices are present; switch autoattachGraphicsDevice on.'
      : undefined,
  ),
  'screenshot',
)

/** A stream of which one part is read by a plain request. */
function withPart(operation: Operation, part: string): Operation {
  return {
    ...operation,
    async handle(call, tools) {
      if (call.rest !== part) return operation.handle!(call, tools)
      const instance = await getInstance(tools.client, call)
      const against = notRunning(instance)
      if (against) throw conflict('virtualmachineinstance', call.name, against)
      return ask(instance, 'GET', `${operation.subresource}/${part}`, call, tools)
    },
  }
}

/** `…/portforward/<port>[/tcp|udp]`: one connection to a port of the guest. */
export const portForwardInstance = stream('virtualmachineinstances', 'portforward')
export const portForwardMachine = stream('virtualmachines', 'portforward')
