import type { Operation } from './handler.ts'
import { getMachine } from './machines.ts'

/** `GET virtualmachines/<name>/expand-spec`: the machine with its instancetype put in; without one it is as it is. */
export const expandSpec: Operation = {
  plural: 'virtualmachines',
  subresource: 'expand-spec',
  methods: ['GET'],
  async handle(call, { client }) {
    return { status: 200, body: await getMachine(client, call) }
  },
}

/** `PUT expand-vm-spec`: the same for a machine in the body. */
export const expandVmSpec: Operation = {
  plural: '',
  subresource: 'expand-vm-spec',
  methods: ['PUT'],
  handle: (call) => Promise.resolve({ status: 200, body: call.body }),
}
