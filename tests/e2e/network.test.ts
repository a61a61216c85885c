import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, Product } from './product.ts'

const product = new Product()
const [one, other] = ['net-one', 'net-other']

describe('the management network, between real guests', () => {
  let address = ''

  beforeAll(async () => {
    await product.createMachine(one)
    await product.createMachine(other)
    const instance = await product.running(other)
    address = instance.status?.interfaces?.[0]?.ipAddress ?? ''
    await Promise.all([product.inGuest(one, ['true']), product.inGuest(other, ['true'])])
  })
  afterAll(() => Promise.all([product.deleteMachine(one), product.deleteMachine(other)]))

  const ping = (target: string) => product.inGuest(one, ['ping', '-c', '2', '-W', '2', target])
  const pidOf = (engine: string) => {
    const file = join(product.info.runDir, 'network', `${engine}.pid`)
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  }

  it('finds guests by name at once, also where no name server of the host answers', async () => {
    // A question that stays unanswered costs a resolver five seconds.
    for (const name of [other, `${other}.thresher.internal`, `${other}.default.thresher.internal`])
      expect(await product.inGuest(one, ['timeout', '4', 'ping', '-c', '1', name])).toContain(`(${address})`)
  })

  it('lets a guest send only from its own address', async () => {
    const spoof = 'ip address add 10.255.0.9/32 dev eth0; ping -c 1 -W 1 -I 10.255.0.9'
    const said = await product.inGuest(one, [`${spoof} ${address}; ip address del 10.255.0.9/32 dev eth0`])
    expect(said).toContain('0 packets received')
  })

  it.each(['ovs-vswitchd', 'ovn-controller', 'ovsdb-server', 'ovn-nb', 'ovn-sb', 'ovn-northd'])(
    'goes on when %s is killed',
    async (engine) => {
      const before = pidOf(engine)
      process.kill(before, 'SIGKILL')
      await eventually(
        () => pidOf(engine),
        (pid) => pid > 0 && pid !== before,
      )
      await eventually(
        () => ping(address),
        (said) => said.includes('2 packets received'),
      )
    },
  )

  it('gives a new guest its address after all of that', async () => {
    await product.createMachine('net-new')
    const instance = await product.until(
      VirtualMachineInstance,
      'net-new',
      (machine) => machine?.status?.phase === 'Running' && machine.status.interfaces?.[0]?.ipAddress !== undefined,
    )
    expect(instance.status?.interfaces?.[0]?.ipAddress).toMatch(/^10\./)
    await product.deleteMachine('net-new')
  })
})
