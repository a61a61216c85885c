import { managementNetwork } from '@thresher/api/management-network'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { nicNamesOf, nicsOf } from './guest-nics.ts'
import { guestNames, planNames } from './name-plan.ts'
import type { NorthboundRow } from './northbound.ts'
import { admitNic, describeNics, identitiesOf, planPorts, guestIds, taken } from './port-plan.ts'
import { managementOf, networksOf, type Networks } from './networks.ts'
import { planManagement } from './switch-plan.ts'

const management = managementNetwork()
const network = managementOf(management)
const guest = { namespace: 'lab', name: 'web' }
const dhcp = '00000000-0000-4000-8000-0000000000dd'
const nic = { name: 'default', mac: '52:54:00:00:00:01', network }
const around = { dhcp: new Map([['mgmt', dhcp]]), isGuarded: () => true }

function port(
  namespace: string,
  name: string,
  address: string,
  more: Partial<NorthboundRow<'Logical_Switch_Port'>> = {},
): NorthboundRow<'Logical_Switch_Port'> {
  return {
    _uuid: `00000000-0000-4000-8000-${Buffer.from(`${namespace}${name}`).toString('hex').padStart(12, '0').slice(-12)}`,
    name: `${namespace}/${name}/default`,
    type: '',
    addresses: [`${nic.mac} dynamic`],
    dynamic_addresses: `${nic.mac} ${address}`,
    port_security: [`${nic.mac} ${address}`],
    dhcpv4_options: dhcp,
    options: {},
    tag: undefined,
    external_ids: { ...guestIds({ namespace, name }, 'default'), network: 'mgmt' },
    ...more,
  }
}

describe('the plan for a guest’s ports', () => {
  it('makes a port that is bound to its MAC, and binds it to the address when that is known', () => {
    const [insert, attach] = planPorts(guest, [nic], [], around)
    expect(insert).toMatchObject({ op: 'insert', row: { name: 'lab/web/default', port_security: ['set', [nic.mac]] } })
    expect(attach).toMatchObject({ op: 'mutate', table: 'Logical_Switch' })
    const [bind, ...rest] = planPorts(
      guest,
      [nic],
      [port('lab', 'web', '10.52.0.2', { port_security: [nic.mac] })],
      around,
    )
    expect(bind).toMatchObject({ op: 'update', row: { port_security: ['set', [`${nic.mac} 10.52.0.2`]] } })
    expect(rest).toEqual([])
  })

  it('does nothing when all is as it should be', () => {
    expect(planPorts(guest, [nic], [port('lab', 'web', '10.52.0.2')], around)).toEqual([])
  })

  it('takes the port of a NIC that is gone away', () => {
    expect(planPorts(guest, [], [port('lab', 'web', '10.52.0.2')], around)).toMatchObject([
      { op: 'mutate', mutations: [['ports', 'delete', expect.anything()]] },
    ])
  })

  it('describes the NICs only when every one has its address', () => {
    expect(describeNics(guest, [nic], [])).toBeUndefined()
    expect(describeNics(guest, [nic], [port('lab', 'web', '10.52.0.2')])).toMatchObject([{ ip: '10.52.0.2' }])
    expect(describeNics(guest, [], [])).toEqual([])
  })

  it('refuses fixed addresses that cannot be', () => {
    const ask = (address: string) => admitNic({ ...nic, address })
    const problem = (text: string) => ({ problem: expect.stringContaining(text) as string })
    expect(ask('10.53.0.1')).toEqual(problem('not in the management network 10.52.0.0/16'))
    expect(ask('10.52.0.1')).toEqual(problem('gateway'))
    expect(ask('10.52.0.0')).toEqual(problem('own or its broadcast'))
    expect(ask('10.52.255.255')).toEqual(problem('own or its broadcast'))
    for (const form of [
      'nonsense',
      '10.52.0.01',
      '012.52.0.1',
      '0xa.52.0.1',
      '10.52.1',
      '171180033',
      '::ffff:10.52.0.1',
    ])
      expect(ask(form), form).toEqual(problem('not an IPv4 address'))
    expect(ask('10.52.0.9')).toEqual({ nic: { ...nic, address: '10.52.0.9' } })
  })

  it('refuses MAC addresses that no guest may have, and writes one form of the others', () => {
    const ask = (mac: string) => admitNic({ ...nic, mac })
    for (const mac of [
      management.gatewayMac.toUpperCase(),
      '01:00:5e:00:00:01',
      'FF-FF-FF-FF-FF-FF',
      '52:54',
      '52:54:00:00:00:01 10.52.0.1',
    ])
      expect(ask(mac), mac).toHaveProperty('problem')
    expect(ask('52-54-00-AA-00-01')).toEqual({ nic: { ...nic, mac: '52:54:00:aa:00:01' } })
  })

  it('never holds two ports of one address', () => {
    const other = { ...nic, name: 'other' }
    expect(() => planPorts(guest, [nic, other], [], around)).toThrow('one name or address')
    const fixed = { ...nic, address: '10.52.0.9' }
    expect(() => planPorts(guest, [fixed, { ...fixed, name: 'b', mac: '52:54:00:00:00:02' }], [], around)).toThrow(
      'one name or address',
    )
  })

  it('says who has an address only to those who may know him', () => {
    expect(taken('10.52.0.9', guest, 'lab/db/default')).toContain('belongs to lab/db/default')
    expect(taken('10.52.0.9', guest, 'bank/vault/default')).not.toContain('vault')
  })

  it('knows what a port holds, in canonical forms', () => {
    const row = port('lab', 'web', '10.52.0.2', {
      addresses: ['52:54:00:AA:00:01 dynamic'],
      dynamic_addresses: '52:54:00:aa:00:01 10.52.0.2',
    })
    expect(identitiesOf(row)).toEqual(['52:54:00:aa:00:01', '10.52.0.2 on mgmt', '52:54:00:aa:00:01'])
  })
})

describe('the NICs of a guest', () => {
  const spec = {
    domain: {
      devices: {
        interfaces: [
          { name: 'a', macAddress: '52-54-00-AA-00-01' },
          { name: 'b', ports: [{ port: 22 }] },
          { name: 'c' },
          { name: 'd' },
          { name: 'gone', state: 'absent' },
        ],
      },
    },
    networks: [
      { name: 'a', pod: {} },
      { name: 'b', multus: { networkName: 'v10' } },
      { name: 'c', multus: { networkName: 'x/missing' } },
      { name: 'd', multus: { networkName: 'x/broken' } },
      { name: 'gone', pod: {} },
    ],
  }
  const definition = (key: string, config: object) => {
    const [namespace, name] = key.split('/')
    return { metadata: { namespace, name }, spec: { config: JSON.stringify(config) } } as never
  }
  const networks: Networks = networksOf({
    management,
    clusterNetworks: [],
    definitions: [
      definition('lab/v10', { type: 'bridge', bridge: 'fast-br', vlan: 10 }),
      definition('x/broken', { type: 'macvlan' }),
    ],
  })

  it('are each on its network; those that cannot be say why', () => {
    const annotations = { 'thresher.io/addresses': '{"a":"10.52.1.1"}' }
    const instance = {
      metadata: { uid: 'u', namespace: 'lab', annotations },
      spec,
    } as unknown as VirtualMachineInstance
    const { nics, unconnected } = nicsOf(instance, networks)
    expect(nics).toMatchObject([
      { name: 'a', mac: '52-54-00-AA-00-01', address: '10.52.1.1', network: { id: 'mgmt' } },
      { name: 'b', mac: expect.stringMatching(/^52:54:00(:[0-9a-f]{2}){3}$/) as string, network: { id: 'fast:10' } },
    ])
    expect(unconnected).toEqual([
      { name: 'c', problem: 'there is no network x/missing' },
      { name: 'd', problem: expect.stringContaining('x/broken has the type "macvlan"') as string },
    ])
  })

  it('get a port on their network, without an address where none is ours, and move with it', () => {
    const [b] = nicsOf({ metadata: { namespace: 'lab' }, spec } as never, networks).nics.slice(1)
    const [insert, attach] = planPorts(guest, [{ ...b!, mac: '52:54:00:00:00:02' }], [], around)
    expect(insert).toMatchObject({
      row: {
        addresses: ['set', ['52:54:00:00:00:02']],
        port_security: ['set', ['52:54:00:00:00:02']],
        dhcpv4_options: ['set', []],
      },
    })
    expect(attach).toMatchObject({ where: [['name', '==', 'fast:10']] })
    const moved = planPorts(
      guest,
      [{ ...b!, name: 'default', mac: nic.mac }],
      [port('lab', 'web', '10.52.0.2')],
      around,
    )
    expect(moved.map(({ op, table }) => `${op} ${String(table)}`)).toEqual([
      'mutate Logical_Switch',
      'insert Logical_Switch_Port',
      'mutate Logical_Switch',
      'mutate Port_Group',
    ])
  })

  it('of a machine without any are the one that it gets by itself', () => {
    const machine = (template: unknown) => ({ spec: { template: { spec: template } } }) as unknown as VirtualMachine
    expect(nicNamesOf(machine(spec))).toEqual(['a', 'b', 'c', 'd', 'gone'])
    expect(nicNamesOf(machine({ domain: { devices: {} } }))).toEqual(['default'])
  })
})

describe('the names of guests', () => {
  it('are short where they are clear, and lead back from the address', () => {
    const names = guestNames(
      [port('a', 'web', '10.52.0.2'), port('b', 'web', '10.52.0.3'), port('b', 'db', '10.52.0.4')],
      management,
    )
    expect(names).toMatchObject({
      'web.a.thresher.internal': '10.52.0.2',
      'web.b.thresher.internal': '10.52.0.3',
      'db.thresher.internal': '10.52.0.4',
      '4.0.52.10.in-addr.arpa': 'db.b.thresher.internal',
    })
    expect(Object.keys(names)).not.toContain('web.thresher.internal')
    const two = guestNames([port('default', 'web', '10.52.0.2'), port('b', 'web', '10.52.0.3')], management)
    expect(two['web.thresher.internal']).toBe('10.52.0.2')
  })

  it('take no name of anybody else: all are in the domain, and none with dots is short', () => {
    const names = guestNames(
      [
        port('evil', 'deb.debian.org', '10.52.0.2'),
        port('com', 'example', '10.52.0.3'),
        port('evil', 'web.lab', '10.52.0.4'),
        port('lab', 'web', '10.52.0.5'),
        port('evil', 'wpad', '10.52.0.6'),
      ],
      management,
    )
    for (const name of Object.keys(names)) expect(name).toMatch(/\.(thresher\.internal|in-addr\.arpa)$/)
    expect(Object.keys(names)).not.toContain('deb.debian.org.thresher.internal')
    expect(Object.keys(names)).not.toContain('wpad.thresher.internal')
    expect(names['web.lab.thresher.internal']).toBe('10.52.0.5')
  })

  it('are written as differences', () => {
    const row = { _uuid: dhcp, records: { a: '1', b: '2', c: '3' }, external_ids: {} }
    expect(planNames(row, { a: '1', b: '2', c: '3' })).toEqual([])
    const [change] = planNames(row, { a: '1', b: '4', d: '5' })
    expect(JSON.stringify(change?.['mutations'])).toBe(
      JSON.stringify([
        ['records', 'delete', ['set', ['b', 'c']]],
        [
          'records',
          'insert',
          [
            'map',
            [
              ['b', '4'],
              ['d', '5'],
            ],
          ],
        ],
      ]),
    )
  })
})

describe('the plan for the management network', () => {
  it('follows a changed subnet and leaves what is right alone', () => {
    const rows = (subnet: string) => {
      const { gateway, gatewayMac, mtu } = managementNetwork({ subnet })
      const external_ids = { thresher: 'mgmt' }
      const options = {
        router: gateway,
        server_id: gateway,
        server_mac: gatewayMac,
        dns_server: gateway,
        mtu: String(mtu),
        lease_time: '3600',
        domain_name: '"thresher.internal"',
      }
      return {
        switch: {
          _uuid: dhcp,
          name: 'mgmt',
          other_config: { subnet, exclude_ips: gateway },
          external_ids,
          dns_records: [dhcp],
        },
        gateway: port('', 'gw', '', { type: 'localport', addresses: [`${gatewayMac} ${gateway}`] }),
        dhcp: { _uuid: dhcp, cidr: subnet, options, external_ids },
        names: { _uuid: dhcp, records: {}, external_ids },
      }
    }
    expect(planManagement(rows('10.52.0.0/16'), management)).toEqual([])
    expect(planManagement(rows('10.99.0.0/16'), management).map((operation) => operation['table'])).toEqual([
      'DHCP_Options',
      'Logical_Switch_Port',
      'Logical_Switch',
    ])
  })
})
