import { describe, expect, it } from 'vitest'
import { formatIpv4, overlaps, parseIpv4, parseSubnet } from './ipv4.ts'
import { managementNetwork } from './management-network.ts'
import { readNics, writeNics } from './pod-network.ts'

describe('IPv4 subnets', () => {
  it('are read and written', () => {
    expect(formatIpv4(parseIpv4('255.0.10.1'))).toBe('255.0.10.1')
    expect(parseSubnet('10.52.0.0/16')).toEqual({ first: 0x0a340000, prefix: 16 })
    expect(() => parseSubnet('10.52.0.7/16')).toThrow('write 10.52.0.0/16')
    expect(() => parseSubnet('10.52.0.0/33')).toThrow(RangeError)
    expect(() => parseIpv4('10.0.0.256')).toThrow(RangeError)
  })

  it('overlap when one holds the other', () => {
    const subnet = parseSubnet('10.52.0.0/16')
    expect(overlaps(subnet, parseSubnet('10.52.9.0/24'))).toBe(true)
    expect(overlaps(subnet, parseSubnet('10.0.0.0/8'))).toBe(true)
    expect(overlaps(subnet, parseSubnet('10.53.0.0/16'))).toBe(false)
  })
})

describe('the management network', () => {
  it('has its first address as gateway unless told otherwise', () => {
    expect(managementNetwork()).toMatchObject({
      subnet: '10.52.0.0/16',
      prefix: 16,
      gateway: '10.52.0.1',
      gatewayMac: '0a:00:0a:34:00:01',
      mtu: 1442,
    })
  })

  it('refuses what cannot work, saying why', () => {
    expect(() => managementNetwork({ gateway: '10.53.0.1' })).toThrow('no host address of 10.52.0.0/16')
    expect(() => managementNetwork({ gateway: '10.52.255.255' })).toThrow('no host address')
    expect(() => managementNetwork({ subnet: '10.0.0.0/30' })).toThrow('between /8 and /28')
    expect(() => managementNetwork({ mtu: 100 })).toThrow('between 576 and 9000')
  })
})

describe('the network annotation', () => {
  it('is read back as written, and ignored when it is not one', () => {
    const nics = [{ name: 'default', port: 'default/web/default', mac: '52:54:00:00:00:01', ip: '10.52.0.2' }]
    expect(readNics({ 'thresher.io/network': writeNics(nics) })).toEqual(nics)
    expect(readNics({})).toBeUndefined()
    expect(readNics({ 'thresher.io/network': '{"a":' })).toBeUndefined()
    expect(readNics({ 'thresher.io/network': '[{"name":"x"}]' })).toBeUndefined()
    for (const ip of ['10.0.0.1\nlink set dev lo down', '10.0.0.1\n', '10.0.0.1 dev lo', 'localhost'])
      expect(readNics({ 'thresher.io/network': JSON.stringify([{ ...nics[0], ip }]) }), ip).toBeUndefined()
  })
})
