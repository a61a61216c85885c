import { copyFileSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()

describe('thresher demo', () => {
  beforeAll(() => {
    // The test host reaches no package archive, so it finds in its cache what was built outside.
    const cache = join(product.info.dataDir, 'guest')
    mkdirSync(cache, { recursive: true })
    for (const file of [product.info.guestImage, `${product.info.guestImage}.sha512`])
      copyFileSync(file, join(cache, basename(file)))
  })

  it('ends with a shell in a guest, and the second time keeps what is there', async () => {
    const options = [
      '--listen',
      `${product.info.address}:6443`,
      '--node-name',
      product.info.name,
      '--guest-subnet',
      product.host.guestSubnet,
    ]
    const first = await product.host.thresher(['demo', ...options])
    expect(first.stderr).toContain('Log in over SSH')
    expect(first.stdout).toContain('default/demo runs at 10.')
    expect(first.code).toBe(0)
    const second = await product.host.thresher(['demo', ...options])
    expect(second.stderr).toMatch(/Create the virtual machine\s+\S+ s\s+kept/)
    expect(second.code).toBe(0)
  })

  it('is seen by status, vm list and image list', async () => {
    const status = JSON.parse((await product.host.thresher(['status', '-o', 'json'])).stdout)
    expect(status).toMatchObject({
      server: { running: true, pid: expect.any(Number), version: expect.any(String), memoryBytes: expect.any(Number) },
      agent: { running: true, pid: expect.any(Number), version: expect.any(String), uptimeSeconds: expect.any(Number) },
      node: { name: product.info.name, ready: true },
    })
    expect(['kvm', 'tcg']).toContain(status.accelerator.kind)
    expect((await product.host.thresher(['vm', 'list'])).stdout).toMatch(/default\s+demo\s+Running\s+10\./)
    expect((await product.host.thresher(['image', 'list'])).stdout).toMatch(/thresher-guest .*ready/)
    await product.deleteMachine('demo')
  })

  it('says in one sentence what to do when something is wrong', async () => {
    const missing = await product.host.thresher(['vm', 'ssh', 'nobody'])
    expect(missing.code).toBe(1)
    expect(missing.stderr.trim().split('\n')).toHaveLength(1)
    expect(missing.stderr).toContain('virtualmachines.kubevirt.io "nobody" not found')
    const again = await product.host.thresher(['up'])
    expect(again.stdout).toContain('already running')
  })
})
