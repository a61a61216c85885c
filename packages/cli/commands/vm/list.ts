import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { guestCpus, guestMemoryBytes } from '@thresher/api/kubevirt/guest-memory'
import type { Command } from '../../command.ts'
import { bytes, duration } from '../../output/columns.ts'
import { outputOption, showObjects, type ObjectColumn } from '../../output/objects.ts'
import { addressOf } from '../../vm/wait.ts'

/** `thresher vm list`. */
export const vmList: Command = {
  path: ['vm', 'list'],
  summary: 'List virtual machines',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }, outputOption],
  examples: ['thresher vm list', 'thresher vm list -n team -o wide'],
  async run(context, _args, options) {
    const client = await context.client()
    const namespace = options['namespace'] as string | undefined
    const [machines, instances] = await Promise.all([
      client.resource(VirtualMachine).list({ namespace }),
      client.resource(VirtualMachineInstance).list({ namespace }),
    ])
    const byName = new Map(instances.items.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]))
    const none = 'No virtual machines. Make one with: thresher vm create NAME --image IMAGE'
    console.log(showObjects(machines.items, columnsOf(byName), options, none))
  },
}

function columnsOf(instances: ReadonlyMap<string, VirtualMachineInstance>): ObjectColumn<VirtualMachine>[] {
  const runOf = ({ metadata }: VirtualMachine): VirtualMachineInstance | undefined =>
    instances.get(`${metadata.namespace}/${metadata.name}`)
  return [
    { name: 'NAMESPACE', of: ({ metadata }) => metadata.namespace },
    { name: 'NAME', of: ({ metadata }) => metadata.name },
    { name: 'STATUS', of: ({ status }) => status?.printableStatus ?? 'Unknown' },
    { name: 'ADDRESS', of: (machine) => addressOf(runOf(machine) ?? {}) },
    { name: 'NODE', of: (machine) => runOf(machine)?.status?.nodeName },
    { name: 'AGE', of: ({ metadata }) => duration((Date.now() - Date.parse(metadata.creationTimestamp ?? '')) / 1000) },
    { name: 'CPUS', wide: true, of: ({ spec }) => String(guestCpus(spec.template.spec.domain)) },
    {
      name: 'MEMORY',
      wide: true,
      of: ({ spec, metadata }) => bytes(guestMemoryBytes(spec.template.spec.domain, metadata.annotations) ?? 0),
    },
    { name: 'RUNS', wide: true, of: ({ spec }) => spec.runStrategy ?? (spec.running ? 'Always' : 'Halted') },
    { name: 'GUEST', wide: true, of: (machine) => runOf(machine)?.status?.guestOSInfo?.prettyName },
  ]
}
