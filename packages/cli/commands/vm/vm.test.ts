import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { kinds } from '@thresher/api/kinds'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { virtualMachineTemplateController } from '@thresher/controllers/virtual-machine-template/virtual-machine-template'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest'
import type { Command, Context, OptionValues } from '../../command.ts'
import { templateCreate, templateDelete, templateList, templateSetDefault, templateVersions } from '../template.ts'
import { vmCreate } from './create.ts'
import { vmExplain } from './explain.ts'
import { vmList } from './list.ts'

let server: TestServer
let client: Client
let context: Context
let printed: MockInstance<typeof console.log>
const stop = new AbortController()

beforeAll(async () => {
  server = await startTestServer({ kinds })
  client = new Client(server.transport())
  const options = { transport: server.transport(), signal: stop.signal, component: 'test' }
  await runControllers([virtualMachineTemplateController], options)
  context = {
    paths: { app: '/', dataDir: server.directory, runDir: server.directory },
    kubeconfig: () => server.kubeconfig,
    connection: () => {
      throw new Error('these commands open no stream')
    },
    client: () => Promise.resolve(client),
    signal: stop.signal,
  }
})
afterAll(async () => {
  stop.abort()
  await server.close()
})
beforeEach(() => {
  printed = vi.spyOn(console, 'log').mockImplementation(() => {})
})
afterEach(() => printed.mockRestore())

/** What a command prints, its options given as commander would. */
async function run(command: Command, args: string[], options: OptionValues = {}): Promise<string> {
  const defaults = Object.fromEntries(
    (command.options ?? []).flatMap(({ flags, default: value }) => {
      const word = /--([a-z-]+)/.exec(flags)?.[1] ?? ''
      return value === undefined ? [] : [[word.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()), value]]
    }),
  )
  printed.mockClear()
  await command.run(context, args, { ...defaults, ...options })
  return printed.mock.calls.map(([line]) => String(line)).join('\n')
}

describe('the commands for machines and templates', () => {
  it('make machines, several at once, with what Windows wants, on a node', async () => {
    const shown = await run(vmCreate, ['win'], {
      secureBoot: true,
      tpm: true,
      node: 'n1',
      cpuModel: 'host-model',
      dryRun: true,
    })
    for (const part of [
      'kind: VirtualMachine',
      'secureBoot: true',
      'persistent: true',
      'smm:',
      'tpm:',
      'model: host-model',
    ])
      expect(shown).toContain(part)
    expect(shown).toContain('kubernetes.io/hostname: n1')
    expect((await client.resource(VirtualMachine).list()).items).toEqual([])
    expect(await run(vmCreate, ['web'], { count: '2', runStrategy: 'Halted' })).toBe(
      'virtual machine default/web-01 created\nvirtual machine default/web-02 created',
    )
    await expect(run(vmCreate, ['web'], { count: '11' })).rejects.toThrow('from 1 to 10')
  })

  it('list them as a table, with more columns, and as objects for scripts', async () => {
    expect(await run(vmList, [])).toMatch(/^NAMESPACE +NAME +STATUS +ADDRESS +NODE +AGE\ndefault +web-01 +Unknown/)
    expect(await run(vmList, [], { output: 'wide' })).toMatch(/CPUS +MEMORY +RUNS[^\n]*\n.* 1 +1.0 GiB +Halted/)
    const items = JSON.parse(await run(vmList, [], { output: 'json' })) as { items: VirtualMachine[] }
    expect(items.items.map(({ metadata }) => metadata.name)).toEqual(['web-01', 'web-02'])
    expect(await run(vmList, [], { output: 'yaml' })).toContain('    kind: VirtualMachine\n')
  })

  it('make templates and machines of them, and move their default', async () => {
    expect(await run(templateCreate, ['front'], { fromVm: 'web-01', description: 'web servers' })).toContain('made')
    await run(templateCreate, ['front'], { fromVm: 'web-02' })
    await expect.poll(() => run(templateList, [])).toMatch(/default +front +1 +2 .*web servers/)
    expect(await run(templateVersions, ['front'])).toMatch(/VERSION[^\n]*\n1 +front-\w+.*\n2 +front-/)
    await run(templateSetDefault, ['front', '2'])
    await expect.poll(() => run(templateList, [])).toMatch(/default +front +2 +2/)
    await run(vmCreate, ['shop'], { template: 'front', memory: '3Gi', cpus: '3', runStrategy: 'Halted' })
    const made = await client.resource(VirtualMachine).get('shop', 'default')
    expect(made.spec.template.spec).toMatchObject({
      hostname: 'shop',
      domain: { cpu: { cores: 3 }, resources: { limits: { cpu: '3', memory: '3Gi' } } },
      volumes: [{ persistentVolumeClaim: { claimName: 'shop-disk-0' } }, {}],
    })
    await expect(run(vmCreate, ['x'], { template: 'front', userData: 'f' })).rejects.toThrow(
      '--user-data cannot be given with --template',
    )
    await expect(run(vmCreate, ['x'], { template: 'front', templateVersion: '9' })).rejects.toThrow(
      /has no version 9; it has: 1 \(front-/,
    )
    await run(templateDelete, ['front', '1'])
    expect((await client.resource(VirtualMachineTemplateVersion).list()).items).toHaveLength(1)
  })

  it('explain a machine that is off, as text and for scripts', async () => {
    expect(await run(vmExplain, ['web-01'])).toContain('its run strategy is Halted')
    expect(await run(vmExplain, ['web-01'])).toContain('PersistentVolumeClaim web-01-disk-0: does not exist')
    expect(JSON.parse(await run(vmExplain, ['web-01'], { output: 'json' }))).toMatchObject({
      state: 'web-01 is Unknown',
    })
    await expect(run(vmExplain, ['nobody'])).rejects.toThrow('nobody')
  })
})
