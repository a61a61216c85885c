import { expect, test } from 'vitest'
import { parseMac, unfitMac } from './mac.ts'

test('one address has one form', () => {
  expect(parseMac('52-54-00-AA-bb-01')).toBe('52:54:00:aa:bb:01')
  for (const text of [
    '',
    '52:54:00:aa:bb',
    '52:54-00:aa:bb:01',
    '52:54:00:aa:bb:01:02',
    '5:54:00:aa:bb:01',
    '525400aabb01',
  ])
    expect(() => parseMac(text), text).toThrow('is not a MAC address')
})

test('no guest has an address for several receivers, none at all, or a gateway’s', () => {
  for (const mac of ['01:00:5e:00:00:fb', '33:33:00:00:00:01', 'ff:ff:ff:ff:ff:ff'])
    expect(unfitMac(mac)).toContain('multicast')
  expect(unfitMac('00:00:00:00:00:00')).toContain('no address')
  expect(unfitMac('0a:00:0a:34:00:01')).toContain('gateways')
  expect(unfitMac('52:54:00:00:00:01')).toBeUndefined()
})
