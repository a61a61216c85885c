import { managementNetwork } from '@thresher/api/management-network'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { nicNamesOf, nicsOf } from './guest-nics.ts'
import { guestNames, planNames } from './name-plan.ts'
import type { NorthboundRow } from './northbound.ts'
import { describeNics, planPorts, portIds, refusal } from './port-plan.ts'
import { planManagement } from './switch-plan.ts'

const network = managementNetwork()
const guest = { namespace: 'lab', name: 'web' }
const dhcp = '00000000-0000-4000-8000-0000000000dd'
const nic = { name: 'default', mac: '52:54:00:00:00:01' }

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
    external_ids: portIds({ namespace, name }, 'default'),
    ...more,
  }
}

describe('the plan for a guest’s ports', () => {
  it('makes a port that is bound to its MAC, and binds it to the address when that is known', () => {
    const [insert, attach] = planPorts(guest, [nic], [], dhcp)
    expect(insert).toMatchObject({ op: 'insert', row: { name: 'lab/web/default', port_security: ['set', [nic.mac]] } })
    expect(attach).toMatchObject({ op: 'mutate', table: 'Logical_Switch' })
    const [bind, ...rest] = planPorts(
      guest,
      [nic],
      [port('lab', 'web', '10.52.0.2', { port_security: [nic.mac] })],
      dhcp,
    )
    expect(bind).toMatchObject({ op: 'update', row: { port_security: ['set', [`${nic.mac} 10.52.0.2`]] } })
    expect(rest).toEqual([])
  })

  it('does nothing when all is as it should be', () => {
    expect(planPorts(guest, [nic], [port('lab', 'web', '10.52.0.2')], dhcp)).toEqual([])
  })

  it('takes the port of a NIC that is gone away', () => {
    expect(planPorts(guest, [], [port('lab', 'web', '10.52.0.2')], dhcp)).toMatchObject([
      { op: 'mutate', mutations: [['ports', 'delete', expect.anything()]] },
    ])
  })

  it('describes the NICs only when every one has its address', () => {
    expect(describeNics(guest, [nic], [], network)).toBeUndefined()
    expect(describeNics(guest, [nic], [port('lab', 'web', '10.52.0.2')], network)).toMatchObject([{ ip: '10.52.0.2' }])
    expect(describeNics(guest, [], [], network)).toEqual([])
  })

  it('refuses fixed addresses that cannot be', () => {
    const ask = (address: string, holder?: ReturnType<typeof port>) =>
      refusal({ ...nic, address }, guest, network, holder)
    expect(ask('10.53.0.1')).toContain('not in the management network 10.52.0.0/16')
    expect(ask('10.52.0.1')).toContain('gateway')
    expect(ask('nonsense')).toContain('not an IPv4 address')
    expect(ask('10.52.0.9', port('lab', 'db', '10.52.0.9'))).toContain('belongs to lab/db/default')
    expect(ask('10.52.0.9', port('lab', 'web', '10.52.0.9'))).toBeUndefined()
  })
})

describe('the NICs of a guest', () => {
  const spec = {
    domain: { devices: { interfaces: [{ name: 'a', macAddress: '52-54-00-AA-00-01' }, { name: 'b' }, { name: 'c' }] } },
    networks: [
      { name: 'a', pod: {} },
      { name: 'b', multus: { networkName: 'x/y' } },
      { name: 'c', pod: {} },
    ],
  }

  it('are those on the management network, with MACs as OVN writes them', () => {
    const annotations = { 'thresher.io/addresses': '{"c":"10.52.1.1"}' }
    const instance = { metadata: { uid: 'u', annotations }, spec } as unknown as VirtualMachineInstance
    expect(nicsOf(instance)).toMatchObject([
      { name: 'a', mac: '52:54:00:aa:00:01', address: undefined },
      { name: 'c', mac: expect.stringMatching(/^52:54:00(:[0-9a-f]{2}){3}$/) as string, address: '10.52.1.1' },
    ])
  })

  it('of a machine without any are the one that it gets by itself', () => {
    const machine = (template: unknown) => ({ spec: { template: { spec: template } } }) as unknown as VirtualMachine
    expect(nicNamesOf(machine(spec))).toEqual(['a', 'c'])
    expect(nicNamesOf(machine({ domain: { devices: {} } }))).toEqual(['default'])
  })
})

describe('the names of guests', () => {
  it('are short where they are clear, and lead back from the address', () => {
    const names = guestNames(
      [port('a', 'web', '10.52.0.2'), port('b', 'web', '10.52.0.3'), port('b', 'db', '10.52.0.4')],
      network,
    )
    expect(names).toMatchObject({
      'web.a': '10.52.0.2',
      'web.b.thresher.internal': '10.52.0.3',
      db: '10.52.0.4',
      'db.thresher.internal': '10.52.0.4',
      '4.0.52.10.in-addr.arpa': 'db.b.thresher.internal',
    })
    expect(names).not.toHaveProperty('web')
    expect(guestNames([port('default', 'web', '10.52.0.2'), port('b', 'web', '10.52.0.3')], network)).toMatchObject({
      web: '10.52.0.2',
    })
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
    expect(planManagement(rows('10.52.0.0/16'), network)).toEqual([])
    expect(planManagement(rows('10.99.0.0/16'), network).map((operation) => operation['table'])).toEqual([
      'DHCP_Options',
      'Logical_Switch_Port',
      'Logical_Switch',
    ])
  })
})
