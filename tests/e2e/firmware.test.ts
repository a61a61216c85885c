import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()
const name = 'firm'

describe('a virtual machine with UEFI', () => {
  beforeAll(() => product.createMachine(name, { efi: true, memory: '256Mi' }))
  afterAll(() => product.deleteMachine(name))

  it('boots by it', async () => {
    await product.running(name)
    expect(await product.inGuest(name, ['ls', '/sys/firmware/efi'])).toContain('runtime')
  })

  it('is shut down, not cut off, by vm stop: what the guest had only in memory is on its disk at the next start', async () => {
    // Linux keeps what was written in memory for half a minute.
    await product.inGuest(name, ['echo', 'kept', '>', '/root/note'])
    const stopped = await product.host.thresher(['vm', 'stop', name, '--wait'])
    expect(stopped.stdout).toContain('is stopped')
    await product.until(VirtualMachine, name, (one) => one?.status?.printableStatus === 'Stopped')
    expect(await product.qemuProcesses()).toEqual([])
    expect((await product.host.thresher(['vm', 'start', name, '--wait'])).code).toBe(0)
    expect(await product.inGuest(name, ['cat', '/root/note'])).toBe('kept')
  })
})
