import { ConfigMap } from '@thresher/api/core/config-map'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { isReason } from '@thresher/api/error'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** Something that a user does while faults happen. It may fail; what succeeded must hold. */
export interface Operation {
  name: string
  run(world: World, random: Random, nth: number): Promise<void>
}

/** Writers of ConfigMaps, and how often each writes in a round. */
const writers = 3
const writesEach = 8
/** Where a guest keeps its number: on its disk. */
export const guestFile = '/root/chaos-number'

/** All operations. A capability that comes adds its own. */
export const operations: readonly [Operation, ...Operation[]] = [
  {
    name: 'objects are written',
    run: async ({ product, ledger, namespace }) => {
      const maps = product.client.resource<ConfigMap>(ConfigMap)
      const write = async (name: string): Promise<void> => {
        for (let count = 0; count < writesEach; count++)
          await ledger.write(name, async (number) => {
            const data = { number: String(number) }
            try {
              await maps.patch(name, namespace, { data })
            } catch (error) {
              if (!isReason(error, 'NotFound')) throw error
              await maps.create({ metadata: { name, namespace }, data } as ConfigMap)
            }
          })
      }
      await Promise.all(Array.from({ length: writers }, (_, index) => write(`chaos-${index}`)))
    },
  },
  {
    name: 'a guest writes to its disk',
    run: async (world, random) => {
      const [machine] = random.shuffled(world.running)
      if (!machine) return
      const { name } = machine
      for (let count = 0; count < 2; count++)
        await world.ledger.write(`guest ${name}`, (number) =>
          // The folder too: a new name is on the disk only when its folder is.
          world.inGuest(name, `echo ${number} > ${guestFile}.new && sync && mv ${guestFile}.new ${guestFile} && sync`),
        )
    },
  },
  {
    name: 'a machine is restarted',
    run: async (world) => {
      const machine = world.machines.get('first')!
      if (machine.wanted !== 'running') return
      machine.touched = true
      await world.product.host.thresher(['vm', 'restart', 'first'])
    },
  },
  {
    name: 'a machine is stopped and started',
    run: async (world) => {
      const machine = world.machines.get('first')!
      machine.touched = true
      await world.product.host.thresher(['vm', 'stop', 'first'])
      await insist(() => startAgain(world, 'first'))
    },
  },
  {
    name: 'a machine comes and goes',
    run: async (world, random, nth) => {
      const name = `guest-${nth}`
      world.machines.set(name, { name, wanted: 'running', touched: true })
      await insist(() => world.create(name))
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 3000)))
      await insist(() => world.removeMachine(name))
    },
  },
]

/** Start a machine, however far its stop has got. @throws {Error} while it does not run for good */
async function startAgain({ product, namespace }: World, name: string): Promise<void> {
  const { items } = await product.client.resource(VirtualMachineInstance).list({ namespace })
  const instance = items.find(({ metadata }) => metadata.name === name)
  if (instance?.status?.phase === 'Running' && !instance.metadata.deletionTimestamp) return
  if (!instance) await product.host.thresher(['vm', 'start', name])
  throw new Error(`${name} does not run yet`)
}

/** Try until it succeeds, as a user does who wants it; a server that is away comes back. */
async function insist(act: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (isReason(error, 'AlreadyExists')) return
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
