import { expect, test } from 'vitest'
import { devicePlacesAnnotation, placeDevices, readPlaces } from './device-places.ts'
import type { Domain } from './domain.ts'

const none = { disks: {}, nics: {}, volumes: {} }

function spec(disks: Record<string, string>, cards: Record<string, string> = {}) {
  const domain = {
    devices: {
      disks: Object.entries(disks).map(([name, bus]) => ({ name, disk: { bus } })),
      interfaces: Object.entries(cards).map(([name, model]) => ({ name, model })),
    },
  } as Domain
  return { domain, volumes: Object.keys(disks).map((name) => ({ name })) }
}

test('devices are placed in order, each bus for itself', () => {
  const places = placeDevices(none, spec({ root: 'virtio', cd: 'sata', data: 'virtio' }, { a: 'virtio', b: 'e1000' }))
  expect(places).toEqual({
    disks: { 'virtio/root': 0, 'sata/cd': 0, 'virtio/data': 1 },
    nics: { 'pcie/a': 0, 'pci/b': 0 },
    volumes: { root: 0, cd: 1, data: 2 },
  })
})

test('a disk that is taken away moves no other, and the next one gets its place', () => {
  const three = placeDevices(none, spec({ root: 'virtio', one: 'virtio', two: 'virtio' }))
  const without = placeDevices(three, spec({ root: 'virtio', two: 'virtio' }))
  expect(without.disks).toEqual({ 'virtio/root': 0, 'virtio/two': 2 })
  expect(without.volumes).toEqual({ root: 0, two: 2 })
  expect(placeDevices(without, spec({ fresh: 'virtio', root: 'virtio', two: 'virtio' })).disks).toMatchObject({
    'virtio/fresh': 1,
    'virtio/two': 2,
  })
})

test('what an annotation says is taken only as far as it can be', () => {
  const read = (text: string) => readPlaces({ [devicePlacesAnnotation]: text })
  const wrong = ['', '[]', '{"disks":{"virtio/a":-1},"nics":{},"volumes":{}}', '{"disks":{"virtio/a":1e9},"nics":{}}']
  for (const text of wrong) expect(read(text)).toEqual(none)
  const twice = read('{"disks":{"virtio/a":3,"virtio/b":3},"nics":{},"volumes":{"__proto__":1}}')
  expect(placeDevices(twice, spec({ a: 'virtio', b: 'virtio', constructor: 'virtio' })).disks).toEqual({
    'virtio/a': 3,
    'virtio/b': 0,
    'virtio/constructor': 1,
  })
})
