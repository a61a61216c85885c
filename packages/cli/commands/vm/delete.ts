import { removedClaimsAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Command } from '../../command.ts'
import { nameArgument, namespaceOption, textOf } from '../../vm/operation.ts'
import { waitUntil } from '../../vm/wait.ts'

/** `thresher vm delete`. */
export const vmDelete: Command = {
  path: ['vm', 'delete'],
  summary: 'Delete a virtual machine and its volumes',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--keep-volumes', description: 'keep the volumes' },
    { flags: '--wait', description: 'return once it is gone' },
  ],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const machines = client.resource(VirtualMachine)
    const machine = await machines.get(name!, namespace)
    if (options['keepVolumes'] !== true) {
      const claims =
        machine.spec.template?.spec?.volumes?.flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []) ?? []
      const annotations = { [removedClaimsAnnotation]: claims.join(',') }
      await machines.patch(name!, namespace, { metadata: { annotations } }, 'merge')
    }
    await machines.delete(name!, namespace, { propagationPolicy: 'Foreground' })
    console.log(`virtual machine ${namespace}/${name}: deletion requested`)
    if (options['wait'] === true) {
      await waitUntil(client, VirtualMachine, { namespace, name: name! }, (one) => one === undefined, {
        timeoutMs: 300_000,
        what: `the end of virtual machine ${namespace}/${name}`,
        signal: context.signal,
      })
    }
  },
}
