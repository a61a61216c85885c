import { expandSpec, expandVmSpec } from './expand-spec.ts'
import {
  filesystemList,
  freeze,
  guestOsInfo,
  notBuilt,
  pause,
  reset,
  softreboot,
  unfreeze,
  unpause,
  userList,
} from './guest.ts'
import type { SubresourceHandler } from '@thresher/apiserver/subresource'
import type { Operation, Tools } from './handler.ts'
import { restart } from './restart.ts'
import { start } from './start.ts'
import { stop } from './stop.ts'
import { consoleStream, portForwardInstance, portForwardMachine, vncStream } from './streams.ts'
import { healthz, version } from './version.ts'

const noMigration = 'live migration is not available in this version; stop the machine and start it on the other node'
const noHotplug =
  'volumes cannot be attached to or detached from a running machine in this version; stop it and edit its volumes'

/** Every operation of `subresources.kubevirt.io`. */
export const operations: readonly Operation[] = [
  start,
  stop,
  restart,
  expandSpec,
  expandVmSpec,
  portForwardMachine,
  notBuilt('virtualmachines', 'migrate', ['PUT'], noMigration),
  notBuilt('virtualmachines', 'addvolume', ['PUT'], noHotplug),
  notBuilt('virtualmachines', 'removevolume', ['PUT'], noHotplug),
  notBuilt('virtualmachines', 'memorydump', ['PUT'], 'memory dumps are not available in this version'),
  pause,
  unpause,
  softreboot,
  reset,
  freeze,
  unfreeze,
  guestOsInfo,
  userList,
  filesystemList,
  consoleStream,
  vncStream,
  portForwardInstance,
  notBuilt('virtualmachineinstances', 'addvolume', ['PUT'], noHotplug),
  notBuilt('virtualmachineinstances', 'removevolume', ['PUT'], noHotplug),
  notBuilt('virtualmachineinstances', 'usbredir', ['GET'], 'USB redirection is not available in this version'),
  notBuilt('virtualmachineinstances', 'vsock', ['GET'], 'VSOCK is not available in this version'),
  version,
  healthz,
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
