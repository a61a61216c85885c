import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Command } from '../../command.ts'
import { nameArgument, namespaceOption, textOf } from '../../vm/operation.ts'
import { waitRunning } from '../../vm/running.ts'
import { waitUntil } from '../../vm/wait.ts'

/** start and stop differ in a word. */
function request(operation: 'start' | 'stop' | 'restart', summary: string): Command {
  return {
    path: ['vm', operation],
    summary,
    arguments: [nameArgument],
    options: [
      namespaceOption,
      { flags: '--wait', description: 'return once it is done' },
      ...(operation === 'stop' ? [{ flags: '--force', description: 'do not wait for the guest to shut down' }] : []),
    ],
    async run(context, [name], options) {
      const client = await context.client()
      const namespace = textOf(options, 'namespace')
      await client.transport.request({
        method: 'PUT',
        path: `/apis/subresources.kubevirt.io/v1/namespaces/${encodeURIComponent(namespace)}/virtualmachines/${encodeURIComponent(name!)}/${operation}`,
        body: options['force'] === true ? { gracePeriod: 0 } : {},
      })
      console.log(`virtual machine ${namespace}/${name}: ${operation} requested`)
      if (options['wait'] !== true) return
      if (operation !== 'stop') return waitRunning(context, client, namespace, name!)
      await waitUntil(client, VirtualMachineInstance, { namespace, name: name! }, (one) => one === undefined, {
        timeoutMs: 300_000,
        what: `the end of virtual machine ${namespace}/${name}`,
        signal: context.signal,
      })
      console.log(`virtual machine ${namespace}/${name} is stopped`)
    },
  }
}
export const vmStart = request('start', 'Start a virtual machine')
export const vmStop = request('stop', 'Shut a virtual machine down')
export const vmRestart = request('restart', 'Restart a virtual machine')
