import { expandSpec, expandVmSpec } from './expand-spec.ts'
import {
  filesystemList,
  freeze,
  guestOsInfo,
  pause,
  reset,
  sendKeys,
  softreboot,
  unfreeze,
  unpause,
  userList,
} from './guest.ts'
import type { SubresourceHandler } from '@thresher/apiserver/subresource'
import type { Operation, Tools } from './handler.ts'
import { addVolume, removeVolume } from './hot-plug.ts'
import { notBuiltOperations } from './not-built.ts'
import { restart } from './restart.ts'
import { start } from './start.ts'
import { stop } from './stop.ts'
import { consoleStream, portForwardInstance, portForwardMachine, vncStream } from './streams.ts'
import { healthz, version } from './version.ts'

/** Every operation of `subresources.kubevirt.io`. */
export const operations: readonly Operation[] = [
  start,
  stop,
  restart,
  ...addVolume,
  ...removeVolume,
  expandSpec,
  expandVmSpec,
  portForwardMachine,
  pause,
  unpause,
  softreboot,
  reset,
  freeze,
  unfreeze,
  guestOsInfo,
  userList,
  filesystemList,
  sendKeys,
  consoleStream,
  vncStream,
  portForwardInstance,
  version,
  healthz,
  ...notBuiltOperations,
]

/** The versions under which the operations are offered. */
const versions = ['v1', 'v1alpha3']

/**
 * The operations in the form in which the API server takes them.
 *
 * @param tools asked for at each call, since the client's transport may be that of the very server that is being made
 */
export function kubevirtSubresources(tools: () => Tools): SubresourceHandler[] {
  return versions.flatMap((apiVersion) =>
    operations.map(
      ({ plural, subresource, methods, namespaced = true, handle, upgrade }) =>
        ({
          group: 'subresources.kubevirt.io',
          version: apiVersion,
          plural,
          subresource,
          namespaced,
          methods,
          ...(handle ? { handle: (call) => handle(call, tools()) } : {}),
          ...(upgrade ? { upgrade: (call, raw, socket, head) => upgrade(call, raw, socket, head, tools()) } : {}),
        }) satisfies SubresourceHandler,
    ),
  )
}
