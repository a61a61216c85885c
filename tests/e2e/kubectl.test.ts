import { describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()

const keyPair = (publicKey: string) => `apiVersion: harvesterhci.io/v1beta1
kind: KeyPair
metadata:
  name: from-kubectl
  namespace: default
spec:
  publicKey: ${publicKey}
`

describe('kubectl', () => {
  it('explains, applies, diffs, patches, lists and deletes our kinds', async () => {
    const manifest = keyPair(await product.publicKey())
    const explained = await product.kubectl(['explain', 'vm.spec.template.spec.domain.cpu.cores'])
    expect(explained.stdout).toContain('cores <integer>')
    const applied = await product.kubectl(['apply', '-f', '-'], { input: manifest })
    expect(applied.stderr).toBe('')
    expect(applied.stdout).toContain('keypair.harvesterhci.io/from-kubectl created')
    const same = await product.kubectl(['diff', '-f', '-'], { input: manifest })
    expect(same.code).toBe(0)
    const labelled = await product.kubectl(['label', 'keypair', 'from-kubectl', 'team=blue'])
    expect(labelled.stdout).toContain('labeled')
    const listed = await product.kubectl(['get', 'keypairs', '-l', 'team in (blue)', '-o', 'name'])
    expect(listed.stdout.trim()).toBe('keypair.harvesterhci.io/from-kubectl')
    const waited = await product.kubectl([
      'wait',
      'keypair/from-kubectl',
      '--for=jsonpath={.status.fingerPrint}',
      '--timeout=10s',
    ])
    expect(waited.stdout).toContain('condition met')
    const deleted = await product.kubectl(['delete', 'keypair', 'from-kubectl'])
    expect(deleted.stdout).toContain('deleted')
  })

  it('refuses a wrong object with the field and the remedy', async () => {
    const wrong = await product.kubectl(['apply', '-f', '-'], { input: keyPair('not-a-key') })
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toContain('spec.publicKey')
    const long = await product.kubectl(['create', 'namespace', 'a'.repeat(254)])
    expect(long.stderr).toMatch(/metadata\.name.*must be no more than 63|metadata\.name.*63/s)
  })

  it('shows nodes with useful columns', async () => {
    const nodes = await product.kubectl(['get', 'nodes', '-o', 'wide'])
    expect(nodes.stdout).toMatch(new RegExp(`${product.info.name}\\s+Ready`))
  })
})
