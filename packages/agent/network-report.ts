import { Node } from '@thresher/api/core/node'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { KubeObject } from '@thresher/api/meta'
import type { EventRecorder } from '@thresher/client/events'
import type { Log } from './compute/host.ts'
import type { NetworkFault, NetworkFindings } from './network/network-part.ts'

export interface NetworkReportOptions {
  log: Log
  events: Pick<EventRecorder, 'record'>
  /** The Node of this host, as soon as it is known. */
  node: () => KubeObject | undefined
  /** The run of a VMI on this host. */
  run: (uid: string) => { namespace: string; name: string } | undefined
  /** Called when {@link NetworkReport.faults} has changed. */
  onChange: () => void
}

/** Says what was taken away from the host's network, what was put back, and what could not be: in the log, in events, and to the node's status. */
export class NetworkReport {
  readonly #options: NetworkReportOptions
  #left: readonly NetworkFault[] = []

  constructor(options: NetworkReportOptions) {
    this.#options = options
  }

  /** What keeps the node's network from working, in sentences. */
  get faults(): string[] {
    return this.#left.filter(({ vmi }) => vmi === undefined).map(({ message }) => message)
  }

  take({ mended, left }: NetworkFindings): void {
    const before = this.#left
    this.#left = left
    for (const fault of mended)
      this.#record(fault, 'NetworkRestored', `${fault.message}; ${fault.done ?? 'it was put back'}`)
    for (const fault of left)
      if (!before.some(({ message }) => message === fault.message))
        this.#record(fault, fault.vmi ? 'NetworkCardLost' : 'NetworkBroken', `${fault.message}${remedyOf(fault)}`)
    const text = (faults: readonly NetworkFault[]): string => faults.map(({ message }) => message).join()
    if (text(before) !== text(left)) this.#options.onChange()
  }

  #record(fault: NetworkFault, reason: string, message: string): void {
    const { log, events } = this.#options
    log('warn', message)
    const object = this.#objectOf(fault)
    if (object) events.record({ object, type: 'Warning', reason, message: `${capital(message)}.` })
  }

  #objectOf({ vmi }: NetworkFault): KubeObject | undefined {
    const { node, run } = this.#options
    if (vmi === undefined) {
      const found = node()
      return found && { ...found, apiVersion: Node.apiVersion, kind: Node.kind }
    }
    const found = run(vmi)
    const { apiVersion, kind } = VirtualMachineInstance
    return found && { apiVersion, kind, metadata: { namespace: found.namespace, name: found.name, uid: vmi } }
  }
}

/** QEMU has the lost tap open and takes no other for the same card. */
function remedyOf({ vmi }: NetworkFault): string {
  return vmi === undefined ? '' : '; restart the virtual machine to connect it again'
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
