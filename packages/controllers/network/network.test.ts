import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { Pod } from '@thresher/api/core/pod'
import { managementNetwork } from '@thresher/api/management-network'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { readNics } from '@thresher/api/pod-network'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { MemoryTransport } from '@thresher/client/testing'
import { Database } from '@thresher/ovsdb/database'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { networkController } from './network.ts'
import { northbound, type NorthboundTables } from './northbound.ts'

const run = promisify(execFile)
const network = managementNetwork()
/** Rules that are there for all guests. */
const guards = 3

async function listening(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((done) => setTimeout(done, 5))
}

/** OVN's central part without hosts: databases and the translator that gives addresses. */
class CentralEngines {
  readonly folder: string
  readonly #children: ChildProcess[] = []

  constructor(folder: string) {
    this.folder = folder
  }

  async start(): Promise<void> {
    for (const name of ['nb', 'sb']) {
      const file = join(this.folder, `${name}.db`)
      await run('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${name}.ovsschema`])
      this.#spawn('ovsdb-server', [file, `--remote=punix:${join(this.folder, `${name}.sock`)}`])
    }
    // What finds no server at its first try looks again only after a second.
    await Promise.all(['nb', 'sb'].map((name) => listening(join(this.folder, `${name}.sock`))))
    const socket = (name: string) => `unix:${join(this.folder, `${name}.sock`)}`
    this.#spawn('ovn-northd', [`--ovnnb-db=${socket('nb')}`, `--ovnsb-db=${socket('sb')}`])
  }

  async stop(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }

  #spawn(program: string, args: string[]): void {
    const env = { ...process.env, OVS_RUNDIR: this.folder, OVN_RUNDIR: this.folder }
    this.#children.push(spawn(program, [...args, '-vconsole:off', '--no-chdir'], { env, stdio: 'ignore' }))
  }
}

function instance(name: string, annotations: Record<string, string> = {}): VirtualMachineInstance {
  return {
    metadata: { name, namespace: 'lab', annotations },
    spec: {
      domain: {
        devices: {
          interfaces: [
            {
              name: 'default',
              masquerade: {},
              macAddress: `52-54-00-00-00-${name.length.toString(16).padStart(2, '0')}`,
            },
          ],
        },
      },
      networks: [{ name: 'default', pod: {} }],
    },
  } as unknown as VirtualMachineInstance
}

function launcher(name: string): Pod {
  const labels = { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': name }
  return { metadata: { name: `virt-launcher-${name}`, namespace: 'lab', labels }, spec: { containers: [] } }
}

function machine(name: string): VirtualMachine {
  return {
    metadata: { name, namespace: 'lab' },
    spec: { template: { spec: instance(name).spec } },
  } as unknown as VirtualMachine
}

describe('the network controller, on a real northbound database with ovn-northd', () => {
  let engines: CentralEngines
  let database: Database<NorthboundTables>
  let transport: MemoryTransport
  let client: Client
  let stop: AbortController
  const within = () => AbortSignal.timeout(5000)

  const begin = async () => {
    stop = new AbortController()
    const controller = networkController({ endpoints: [`unix:${engines.folder}/nb.sock`], network })
    await runControllers([controller], { transport, signal: stop.signal, component: 'test' })
  }
  const portOf = (name: string) => database.find('Logical_Switch_Port', 'name', `lab/${name}/default`)
  const eventually = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    const limit = Date.now() + 60_000
    for (;;) {
      const value = await look()
      if (value !== undefined) return value
      if (Date.now() > limit) throw new Error('it did not happen within 5 seconds')
      await new Promise((done) => setTimeout(done, 2))
    }
  }
  const nicsOfPod = (name: string) =>
    eventually(async () => {
      const pod = await client.resource<Pod>(Pod).get(`virt-launcher-${name}`, 'lab')
      return readNics(pod.metadata.annotations)
    })

  beforeEach(async () => {
    engines = new CentralEngines(await mkdtemp(join(tmpdir(), 'ovn-nb-')))
    await engines.start()
    database = new Database({ schema: northbound, endpoints: [`unix:${engines.folder}/nb.sock`] })
    transport = new MemoryTransport()
    client = new Client(transport)
    await begin()
  })
  afterEach(async () => {
    stop.abort()
    await database.close()
    await engines.stop()
    await rm(engines.folder, { recursive: true })
    expect(transport.bareWords).toEqual([])
  })

  it('makes the switch with its gateway, DHCP and names, and makes it again when it is taken away', async () => {
    const whole = () => {
      const dhcp = [...database.rows('DHCP_Options').values()][0]
      const found = database.find('Logical_Switch', 'name', 'mgmt')
      const gateway = database.find('Logical_Switch_Port', 'name', 'mgmt-gateway')
      return found && gateway && dhcp && { found, gateway, dhcp }
    }
    const { found, gateway, dhcp } = await database.until(whole, within())
    expect(found.other_config).toEqual({ subnet: '10.52.0.0/16', exclude_ips: '10.52.0.1' })
    expect(gateway).toMatchObject({ type: 'localport', addresses: ['0a:00:0a:34:00:01 10.52.0.1'] })
    expect(dhcp.options).toMatchObject({ router: '10.52.0.1', mtu: '1442', domain_name: '"thresher.internal"' })
    await database.transact([northbound.delete('Logical_Switch', {}), northbound.delete('DHCP_Options', {})])
    await database.until(
      () => (database.find('Logical_Switch', 'name', 'mgmt')?._uuid === found._uuid ? undefined : whole()),
      within(),
    )
  })

  it('shows the network as the ClusterNetwork mgmt: made again when it is gone, ready while its database answers', async () => {
    const networks = client.resource<ClusterNetwork>(ClusterNetwork)
    const readiness = (status: string) =>
      eventually(async () => {
        const { items } = await networks.list()
        const mgmt = items.find(({ metadata }) => metadata.name === 'mgmt')
        return mgmt?.status?.conditions?.find((one) => one.type === 'ready' && one.status === status) && mgmt
      })
    const first = await readiness('True')
    expect(database.find('Logical_Switch', 'name', 'mgmt')).toBeDefined()
    await networks.delete('mgmt')
    await eventually(async () => ((await readiness('True')).metadata.uid === first.metadata.uid ? undefined : true))
    stop.abort()
    const lost = networkController({ endpoints: [`unix:${engines.folder}/none.sock`], network, patienceMs: 100 })
    stop = new AbortController()
    await runControllers([lost], { transport, signal: stop.signal, component: 'test' })
    const { status } = await readiness('False')
    expect(status?.conditions?.[0]?.message).toContain('the northbound database does not answer')
  })

  it('lets only the listed ports of a guest be reached: puts the rules back, and takes them away with the guest', async () => {
    const web = instance('web')
    web.spec.domain.devices.interfaces![0]!.ports = [
      { port: 443 },
      { port: 22, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ]
    const instances = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    await instances.create(web)
    const ofGuests = () => [...database.rows('ACL').values()].filter((row) => row.external_ids['guest'] !== undefined)
    const rules = (count: number) =>
      database.until(() => {
        const rows = ofGuests()
        return rows.length === count ? rows : undefined
      }, within())
    const texts = (rows: Awaited<ReturnType<typeof rules>>) =>
      rows.map(({ priority, action, direction, match }) => `${priority} ${action} ${direction} ${match}`).toSorted()
    const made = texts(await rules(4))
    expect(made).toEqual([
      '1001 drop to-lport outport == "lab/web/default" && ip',
      '1002 allow-related to-lport outport == "lab/web/default" && ip4 && tcp.dst == {22, 443}',
      '1002 allow-related to-lport outport == "lab/web/default" && ip4 && udp.dst == {53}',
      '1002 allow-stateless to-lport outport == "mgmt-gateway" && ip4 && udp.dst == 53',
    ])
    const [first] = await rules(4)
    await database.transact([northbound.update('ACL', { _uuid: first!._uuid }, { action: 'allow', match: 'ip' })])
    await database.until(() => (texts(ofGuests()).join() === made.join() ? true : undefined), within())
    await instances.create(instance('open'))
    await database.until(() => portOf('open'), within())
    await rules(4)
    await instances.delete('web', 'lab')
    await rules(0)
  })

  it('gives a guest an address, tells its pod, and binds the port to it', async () => {
    await database.until(() => database.find('Logical_Switch', 'name', 'mgmt'), within())
    await client.resource<VirtualMachineInstance>(VirtualMachineInstance).create(instance('web'))
    await client.resource<Pod>(Pod).create(launcher('web'))
    const nics = await nicsOfPod('web')
    expect(nics).toEqual([
      {
        name: 'default',
        network: 'mgmt',
        port: 'lab/web/default',
        mac: '52:54:00:00:00:03',
        ip: '10.52.0.2',
        prefix: 16,
        gateway: '10.52.0.1',
        mtu: 1442,
      },
    ])
    await database.until(() => portOf('web')?.port_security[0] === '52:54:00:00:00:03 10.52.0.2' || undefined, within())
    const records = () => [...database.rows('DNS').values()][0]?.records
    await database.until(() => records()?.['web.lab.thresher.internal'], within())
    expect(records()).toMatchObject({
      'web.thresher.internal': '10.52.0.2',
      '2.0.52.10.in-addr.arpa': 'web.lab.thresher.internal',
    })
  })

  it('keeps the address of a stopped machine and frees it with the machine', async () => {
    const instances = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    const machines = client.resource<VirtualMachine>(VirtualMachine)
    await machines.create(machine('db'))
    await instances.create(instance('db'))
    await client.resource<Pod>(Pod).create(launcher('db'))
    const [first] = await nicsOfPod('db')
    await instances.delete('db', 'lab')
    await client.resource<Pod>(Pod).delete('virt-launcher-db', 'lab')
    await instances.create(instance('other'))
    await database.until(() => portOf('other')?.dynamic_addresses, within())
    await instances.create(instance('db'))
    await client.resource<Pod>(Pod).create(launcher('db'))
    expect((await nicsOfPod('db'))[0]?.ip).toBe(first?.ip)
    await instances.delete('db', 'lab')
    await machines.delete('db', 'lab')
    await database.until(() => (portOf('db') ? undefined : true), within())
    await database.until(
      () =>
        [...database.rows('DNS').values()][0]?.records['db.lab.thresher.internal'] === undefined ? true : undefined,
      within(),
    )
  })

  it('removes at its start what belongs to no guest, and leaves the rows of others', async () => {
    await database.until(() => database.find('Logical_Switch', 'name', 'mgmt'), within())
    stop.abort()
    const leftover = { thresher: 'guest', namespace: 'lab', guest: 'gone', nic: 'default' }
    await database.transact([
      northbound.insert('Logical_Switch_Port', { name: 'lab/gone/default', external_ids: leftover }, 'ours'),
      northbound.insert('Logical_Switch_Port', { name: 'foreign' }, 'theirs'),
      {
        op: 'mutate',
        table: 'Logical_Switch',
        where: [['name', '==', 'mgmt']],
        mutations: [
          [
            'ports',
            'insert',
            [
              'set',
              [
                ['named-uuid', 'ours'],
                ['named-uuid', 'theirs'],
              ],
            ],
          ],
        ],
      },
    ])
    await database.until(() => portOf('gone'), within())
    await begin()
    await database.until(() => (portOf('gone') ? undefined : true), within())
    expect(database.find('Logical_Switch_Port', 'name', 'foreign')).toBeDefined()
  })

  it('gives one address to one of those who ask for it at the same time', async () => {
    await database.until(() => database.find('Logical_Switch', 'name', 'mgmt'), within())
    const instances = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    const names = ['a', 'bb', 'ccc', 'dddd']
    const fixed = { 'thresher.io/addresses': '{"default":"10.52.7.9"}' }
    await Promise.all(names.map((name) => instances.create(instance(name, fixed))))
    const refused = await eventually(async () => {
      const { items } = await transport.request<{ items: { message?: string }[] }>({
        method: 'GET',
        path: '/api/v1/namespaces/lab/events',
      })
      return items.length === names.length - 1 ? items : undefined
    })
    await database.until(() => names.find((name) => portOf(name)), within())
    const held = names.filter((name) => portOf(name))
    expect(held).toHaveLength(1)
    for (const { message } of refused) expect(message).toContain(`10.52.7.9 belongs to lab/${held[0]}/default`)
    await Promise.all(['p', 'q', 'r'].map((name) => instances.create(instance(name))))
    await instances.create(instance('unrelated'))
    await database.until(() => portOf('unrelated')?.dynamic_addresses, within())
    // The MAC address of these has the length of their name.
    expect(['a', 'p', 'q', 'r'].filter((name) => portOf(name))).toHaveLength(1)
  })

  it('gives a fixed address, and says who has it when it is taken', async () => {
    const fixed = { 'thresher.io/addresses': '{"default":"10.52.7.7"}' }
    const instances = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    await instances.create(instance('first', fixed))
    await client.resource<Pod>(Pod).create(launcher('first'))
    expect((await nicsOfPod('first'))[0]?.ip).toBe('10.52.7.7')
    await database.until(() => portOf('first')?.port_security[0]?.endsWith(' 10.52.7.7') || undefined, within())
    await instances.create(instance('second', fixed))
    const message = await eventually(async () => {
      const { items } = await transport.request<{ items: { message?: string }[] }>({
        method: 'GET',
        path: '/api/v1/namespaces/lab/events',
      })
      return items[0]?.message
    })
    expect(message).toContain('10.52.7.7 belongs to lab/first/default')
    expect(portOf('second')).toBeUndefined()
  })
  const definition = (name: string, config: object) =>
    client.resource<NetworkAttachmentDefinition>(NetworkAttachmentDefinition).create({
      metadata: { name, namespace: 'lab' },
      spec: { config: JSON.stringify({ type: 'bridge', bridge: 'fast-br', ...config }) },
    } as NetworkAttachmentDefinition)

  it('connects NICs to VLANs, one that comes later too, and removes the switch that nobody needs any more', async () => {
    const web = instance('web')
    web.spec.domain.devices.interfaces!.push({ name: 'lan', bridge: {}, macAddress: '52:54:00:00:00:aa' })
    web.spec.networks!.push({ name: 'lan', multus: { networkName: 'v10' } })
    await client.resource<Pod>(Pod).create(launcher('web'))
    const instances = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    await instances.create(web)
    const reason = await eventually(async () => {
      const { items } = await transport.request<{ items: { reason?: string; message?: string }[] }>({
        method: 'GET',
        path: '/api/v1/namespaces/lab/events',
      })
      return items.find((event) => event.reason === 'NetworkNotFound')?.message
    })
    expect(reason).toBe('the interface lan is not connected: there is no network lab/v10')
    await definition('v10', { vlan: 10 })
    const lan = await eventually(async () => (await nicsOfPod('web')).find(({ name }) => name === 'lan'))
    expect(lan).toEqual({ name: 'lan', network: 'fast:10', port: 'lab/web/lan', mac: '52:54:00:00:00:aa', mtu: 1500 })
    const wire = () => database.find('Logical_Switch_Port', 'name', 'wire:fast:10')
    expect(wire()).toMatchObject({ type: 'localnet', tag: 10, options: { network_name: 'fast' } })
    await database.transact([northbound.update('Logical_Switch_Port', { name: 'wire:fast:10' }, { tag: 11 })])
    await database.until(() => wire()?.tag === 10 || undefined, within())
    await client.resource(NetworkAttachmentDefinition).delete('v10', 'lab')
    await instances.delete('web', 'lab')
    await database.until(() => (database.find('Logical_Switch', 'name', 'fast:10') ? undefined : true), within())
    expect(database.find('Logical_Switch', 'name', 'mgmt')).toBeDefined()
  })

  it('keeps every guest, of every network, in the group that may not pass for a server or router', async () => {
    await definition('v10', { vlan: 10 })
    const web = instance('web')
    web.spec.networks = [{ name: 'default', multus: { networkName: 'v10' } }]
    const instances = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    await Promise.all([instances.create(web), instances.create(instance('other'))])
    const group = () => database.find('Port_Group', 'name', 'thresher_guests')
    const members = () => [portOf('web')?._uuid ?? '', portOf('other')?._uuid ?? ''].toSorted()
    const whole = () => (group()?.ports.toSorted().join() === members().join() ? group() : undefined)
    await database.until(() => portOf('web') && portOf('other') && whole(), within())
    await database.transact([northbound.delete('Port_Group', {})])
    await database.until(() => (whole() && [...database.rows('ACL').values()].length === guards) || undefined, within())
  })
})
