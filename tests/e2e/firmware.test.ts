import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()
const name = 'firm'

/** TPM2_ReadClock without sessions. @see TPM 2.0 Library, part 3, TPM2_ReadClock */
const readClock = '\\x80\\x01\\0\\0\\0\\x0a\\0\\0\\x01\\x81'

/** How often the guest's TPM has been reset in its life, as the TPM itself counts. */
async function tpmResets(): Promise<number> {
  const ask = `exec 3<>/dev/tpm0; printf '${readClock}' >&3; dd bs=64 count=1 <&3 2>/dev/null | od -An -v -tx1`
  const answer = (await product.inGuest(name, ['sh', '-c', `"${ask}"`])).replace(/\s/g, '')
  // Tag, size, code (success is 0), then time and clock of eight bytes each.
  expect(answer).toMatch(/^8001[0-9a-f]{8}00000000/)
  return Number.parseInt(answer.slice(52, 60), 16)
}

describe('a virtual machine with UEFI, secure boot and a TPM', () => {
  let resets = 0
  beforeAll(() => product.createMachine(name, { efi: true, secureBoot: true, tpm: true, memory: '512Mi' }))
  afterAll(() => product.deleteMachine(name))

  it('boots by it what is signed, and finds its TPM', async () => {
    await product.running(name)
    expect(await product.inGuest(name, ['ls', '/sys/firmware/efi'])).toContain('runtime')
    expect(await product.inGuest(name, ['dmesg'])).toMatch(/secureboot: Secure boot enabled/)
    expect(await product.inGuest(name, ['cat', '/sys/class/tpm/tpm0/tpm_version_major'])).toBe('2')
    // The firmware measured what it started.
    expect(await product.inGuest(name, ['cat', '/sys/class/tpm/tpm0/pcr-sha256/4'])).not.toMatch(/^0*$/)
    resets = await tpmResets()
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

  it('has the same TPM after a restart', async () => {
    expect(await tpmResets()).toBe(resets + 1)
  })
})
