import { describe, expect, it } from 'vitest'
import { chooseDatapath } from './datapath.ts'
import { planBridge, planPort, planRemoval, planSettings, type SwitchSetup } from './switch-plan.ts'

const setup: SwitchSetup = {
  bridge: 'br-thr0',
  datapath: 'netdev',
  otherConfig: { 'userspace-tso-enable': 'true' },
  externalIds: { 'system-id': 'h1' },
  gateway: { ifname: 'gw-thr0', mac: '0a:00:0a:34:00:01', mtu: 1442, port: 'mgmt-gateway' },
}
const empty = { root: undefined, bridge: undefined, gateway: undefined }
const root = {
  _uuid: '00000000-0000-4000-8000-000000000001',
  bridges: [],
  other_config: { 'userspace-tso-enable': 'true', foreign: 'x' },
  external_ids: { 'system-id': 'h1' },
  next_cfg: 0,
  cur_cfg: 0,
}

describe('the plan for the switch', () => {
  it('puts the settings in and leaves those of others alone', () => {
    expect(planSettings(empty, setup)).toMatchObject([{ op: 'insert', table: 'Open_vSwitch' }])
    expect(planSettings({ ...empty, root }, setup)).toEqual([])
    const [change, ...rest] = planSettings({ ...empty, root: { ...root, other_config: { foreign: 'x' } } }, setup)
    expect(rest).toEqual([])
    expect(change).toMatchObject({ op: 'mutate', table: 'Open_vSwitch' })
    expect(JSON.stringify(change)).not.toContain('foreign')
  })

  it('makes bridge and gateway in one transaction, and nothing when they are there', () => {
    const made = planBridge({ ...empty, root }, setup)
    expect(made.map((operation) => `${operation.op} ${String(operation['table'])}`)).toEqual([
      'insert Interface',
      'insert Port',
      'insert Interface',
      'insert Port',
      'insert Bridge',
      'mutate Open_vSwitch',
    ])
    const bridge = {
      _uuid: '00000000-0000-4000-8000-000000000002',
      name: 'br-thr0',
      datapath_type: 'netdev',
      fail_mode: 'secure',
      ports: [],
      external_ids: {},
    }
    const gateway = {
      _uuid: '00000000-0000-4000-8000-000000000003',
      name: 'gw-thr0',
      type: 'internal',
      mac: '0a:00:0a:34:00:01',
      mtu_request: 1442,
      external_ids: { 'iface-id': 'mgmt-gateway', 'ovn-installed': 'true' },
      ofport: 1,
      error: undefined,
    }
    expect(planBridge({ root, bridge, gateway }, setup)).toEqual([])
    expect(planBridge({ root, bridge, gateway: { ...gateway, mtu_request: 1500 } }, setup)).toHaveLength(1)
    const port = { ifname: 't1', port: 'default/web/default', mac: '52:54:00:00:00:01', owner: 'uid' }
    expect(planPort(undefined, 'br-thr0', port)).toHaveLength(3)
    const ids = { 'iface-id': port.port, 'attached-mac': port.mac, 'vm-id': 'uid' }
    expect(planPort({ ...gateway, external_ids: ids }, 'br-thr0', port)).toEqual([])
    expect(planPort({ ...gateway, external_ids: { ...ids, 'iface-id': 'x' } }, 'br-thr0', port)).toHaveLength(1)
    expect(planRemoval('br-thr0', [])).toEqual([])
  })
})

describe('the choice of the datapath', () => {
  it('is the kernel’s where it can forward and nobody else uses it', () => {
    expect(chooseDatapath(true, { pids: [], interfaces: ['ovs-system'] })).toBe('kernel')
    expect(chooseDatapath(false, { pids: [], interfaces: [] })).toBe('userspace')
    expect(chooseDatapath(true, { pids: [7], interfaces: ['ovs-system'] })).toBe('userspace')
    expect(chooseDatapath(true, { pids: [7], interfaces: ['ovs-netdev'] })).toBe('kernel')
    expect(() => chooseDatapath(false, { pids: [7], interfaces: ['ovs-netdev'] })).toThrow(/process 7/)
  })
})
