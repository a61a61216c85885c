import { describe, expect, it } from 'vitest'
import type { Disk } from './disk.ts'
import { checkSerials, diskSerial } from './disk-serials.ts'

const disk = (name: string, bus: string, serial: string): Disk => ({ name, disk: { bus }, serial })
const messages = (...disks: Disk[]) => checkSerials(disks, 'disks').map(({ field, message }) => `${field}: ${message}`)

describe('serial numbers of disks', () => {
  it.each([
    ['virtio', 20],
    ['sata', 20],
    ['usb', 20],
    ['scsi', 247],
  ])('on %s have at most %i characters', (bus, most) => {
    expect(messages(disk('a', bus, 'x'.repeat(most)))).toEqual([])
    expect(messages(disk('a', bus, 'x'.repeat(most + 1)))).toEqual([
      `disks[0].serial: has ${most + 1} characters; a disk on ${bus} shows at most ${most} of them to the guest: shorten it`,
    ])
  })

  it('are limited by the bus that a drive really sits on', () => {
    expect(messages({ name: 'cd', cdrom: {}, serial: 'x'.repeat(21) })[0]).toContain('a disk on sata shows at most 20')
    expect(messages({ name: 'cd', cdrom: { bus: 'scsi' }, serial: 'x'.repeat(21) })).toEqual([])
  })

  it('differ within a machine, whatever the bus', () => {
    expect(messages(disk('a', 'virtio', 'S1'), disk('b', 'scsi', 'S2'), { name: 'c', disk: {} })).toEqual([])
    expect(messages(disk('a', 'virtio', 'S1'), disk('b', 'scsi', 'S1'))).toEqual([
      'disks[1].serial: S1 is the serial number of the disk a; give each disk its own',
    ])
  })

  it('have only characters that survive on their way into the guest', () => {
    expect(messages(disk('a', 'scsi', 'a,b'))).toHaveLength(1)
    expect(messages(disk('a', 'scsi', 'ä'))).toHaveLength(1)
  })
})

describe('the serial number that a guest sees', () => {
  const claimName = 'pvc-0f5c8d3a-1111-4222-8333-444455556666'
  const volumes = [
    { name: 'hot', persistentVolumeClaim: { claimName, hotpluggable: true } },
    { name: 'short', persistentVolumeClaim: { claimName: 'data', hotpluggable: true } },
    { name: 'fixed', persistentVolumeClaim: { claimName: 'other' } },
  ]
  it.each([
    ['hot', 'scsi', claimName],
    ['hot', 'virtio', undefined],
    ['short', 'virtio', 'data'],
    ['fixed', 'scsi', undefined],
  ])('of the disk %s on %s is %s', (name, bus, serial) => {
    expect(diskSerial({ volumes }, { name, disk: { bus } })).toBe(serial)
    expect(diskSerial({ volumes }, { name, disk: { bus }, serial: 'own' })).toBe('own')
  })
})
