import { runStrategyAnnotation } from '@thresher/api/names'
import { runStrategyOf } from '@thresher/controllers/virtual-machine/run-strategy'
import { accepted, fieldsOf, isDryRun, type Operation } from './handler.ts'
import { conflict, findInstance, getMachine, isAlive, limitGrace, request, setRunStrategy } from './machines.ts'

/** `PUT virtualmachines/<name>/stop`: stop a machine, within `{gracePeriod: seconds}` if given. It stays off until started. */
export const stop: Operation = {
  plural: 'virtualmachines',
  subresource: 'stop',
  methods: ['PUT'],
  async handle(call, { client }) {
    const [machine, instance] = await Promise.all([getMachine(client, call), findInstance(client, call)])
    const strategy = runStrategyOf(machine)
    const pending = machine.status?.stateChangeRequests?.some(({ action }) => action === 'Start') ?? false
    if (!isAlive(instance) && strategy !== 'Always' && !pending)
      throw conflict('virtualmachine', call.name, 'VM is not running')
    if (isDryRun(call.body)) return accepted
    if (instance) await limitGrace(client, instance, fieldsOf(call.body)['gracePeriod'])
    if (strategy === 'Always') await setRunStrategy(client, machine, 'Halted', { [runStrategyAnnotation]: strategy })
    else if (strategy !== 'Halted')
      await request(client, call, isAlive(instance) ? [{ action: 'Stop', uid: instance.metadata.uid }] : [])
    return accepted
  },
}
