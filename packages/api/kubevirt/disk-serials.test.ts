import { describe, expect, it } from 'vitest'
import type { Disk } from './disk.ts'
import { checkSerials } from './disk-serials.ts'

const disk = (name: string, bus: string, serial: string): Disk => ({ name, disk: { bus }, serial })
const messages = (...disks: Disk[]) => checkSerials(disks, 'disks').map(({ field, message }) => `${field}: ${message}`)

describe('serial numbers of disks', () => {
  it.each([
    ['virtio', 20],
    ['sata', 20],
    ['usb', 20],
    ['scsi', 36],
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
