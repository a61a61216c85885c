import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { bareWordsShown } from '@thresher/client/testing-words'
import { Product, eventually } from './product.ts'

const product = new Product()
const name = 'restart'
const instances = product.client.resource(VirtualMachineInstance)

describe('a host', () => {
  beforeAll(async () => {
    await product.createMachine(name)
    await product.running(name)
  })
  afterAll(() => product.deleteMachine(name))

  /** Kill a program and wait for the next one to be ready, without doing anything for it. */
  async function killed(program: 'server' | 'agent'): Promise<void> {
    const before = product.pidOf(program)
    process.kill(before, 'SIGKILL')
    await eventually(
      () => product.pidOf(program),
      (pid) => pid !== before,
    )
    const ready =
      program === 'agent'
        ? join(product.info.runDir, 'agent.ready')
        : join(product.info.dataDir, 'server/bootstrap/ready')
    await eventually(
      () => Number(readFileSync(ready, 'utf8')),
      (pid) => pid === product.pidOf(program),
    )
  }

  it.each(['server', 'agent', 'server', 'agent'] as const)(
    'has its %s again by itself when it is killed, with the same guests',
    async (program) => {
      const [before] = await product.qemuProcesses()
      const { metadata } = await instances.get(name, 'default')
      await killed(program)
      const after = await instances.get(name, 'default')
      expect(after.metadata.uid).toBe(metadata.uid)
      expect(after.status?.phase).toBe('Running')
      expect((await product.qemuProcesses()).map((one) => one.pid)).toEqual([before!.pid])
      expect(await product.inGuest(name, ['echo', 'still here'])).toBe('still here')
    },
  )

  it('keeps server and agent when its supervisor is killed, and up starts another that takes both over', async () => {
    const pids = () => [product.pidOf('server'), product.pidOf('agent')]
    const before = pids()
    process.kill(Number(readFileSync(join(product.info.runDir, 'supervisor.pid'), 'utf8').split(' ')[0]), 'SIGKILL')
    await product.host.up()
    expect(pids()).toEqual(before)
    await killed('server')
    expect(product.pidOf('agent')).toBe(before[1])
  })

  it('starts what is to run again after down and up', async () => {
    const before = await instances.get(name, 'default')
    expect((await product.host.thresher(['down'])).code).toBe(0)
    expect(await product.qemuProcesses()).toEqual([])
    await product.host.up()
    await product.until(
      VirtualMachineInstance,
      name,
      (one) => one !== undefined && one.metadata.uid !== before.metadata.uid && one.status?.phase === 'Running',
      90_000,
    )
  })

  it('has shown nobody what a runtime or a library says of a failure', async () => {
    expect(await bareWordsShown(product.client)).toEqual([])
  })
})
