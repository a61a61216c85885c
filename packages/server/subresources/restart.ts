import { runStrategyOf } from '@thresher/controllers/virtual-machine/run-strategy'
import { accepted, fieldsOf, isDryRun, type Operation } from './handler.ts'
import { conflict, findInstance, getMachine, isAlive, limitGrace, request } from './machines.ts'

/** `PUT virtualmachines/<name>/restart`: end this run and begin another, within `{gracePeriodSeconds}` if given. */
export const restart: Operation = {
  plural: 'virtualmachines',
  subresource: 'restart',
  methods: ['PUT'],
  async handle(call, { client }) {
    const [machine, instance] = await Promise.all([getMachine(client, call), findInstance(client, call)])
    if (runStrategyOf(machine) === 'Halted')
      throw conflict('virtualmachine', call.name, 'Halted does not support manual restart requests')
    if (!isAlive(instance)) throw conflict('virtualmachine', call.name, 'VM is not running')
    if (isDryRun(call.body)) return accepted
    await limitGrace(client, instance, fieldsOf(call.body)['gracePeriodSeconds'])
    await request(client, call, [{ action: 'Stop', uid: instance.metadata.uid }, { action: 'Start' }])
    return accepted
  },
}
