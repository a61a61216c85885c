import { runStrategyAnnotation } from '@thresher/api/names'
import { runStrategyOf } from '@thresher/controllers/virtual-machine/run-strategy'
import { accepted, fieldsOf, isDryRun, type Operation } from './handler.ts'
import { conflict, findInstance, getMachine, isAlive, request, setRunStrategy } from './machines.ts'

/** How a halted machine runs once it is started, unless its annotation says how it ran before. @see Harvester's start action */
const afterHalt = 'RerunOnFailure'

/** `PUT virtualmachines/<name>/start`: run a machine, `{paused: true}` with its guest held at the first instruction. */
export const start: Operation = {
  plural: 'virtualmachines',
  subresource: 'start',
  methods: ['PUT'],
  async handle(call, { client }) {
    const [machine, instance] = await Promise.all([getMachine(client, call), findInstance(client, call)])
    const strategy = runStrategyOf(machine)
    if (strategy === 'Always')
      throw conflict('virtualmachine', call.name, 'Always does not support manual start requests')
    if (isAlive(instance) && !instance.metadata.deletionTimestamp)
      throw conflict('virtualmachine', call.name, 'VM is already running')
    if (isDryRun(call.body)) return accepted
    const paused = fieldsOf(call.body)['paused'] === true
    if (strategy !== 'Halted' || paused)
      await request(client, call, [{ action: 'Start', ...(paused ? { data: { paused: 'true' } } : {}) }])
    if (strategy === 'Halted')
      await setRunStrategy(client, machine, machine.metadata.annotations?.[runStrategyAnnotation] || afterHalt)
    return accepted
  },
}
