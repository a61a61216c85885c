import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LineSink } from './line-sink.ts'

const format = (lost: number, error: unknown) => `${lost} lines are missing: ${(error as NodeJS.ErrnoException).code}`

/** A disk with room for so many bytes. */
function disk(bytes: number) {
  let text = ''
  return {
    room: bytes,
    text: () => text,
    write(this: { room: number }, data: Buffer): number {
      if (this.room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      const part = data.subarray(0, this.room)
      text += part.toString()
      this.room -= part.length
      return part.length
    },
  }
}

test('a full disk ends no program: lines are counted, and missed when there is room again', () => {
  const full = disk(8)
  const sink = new LineSink((bytes) => full.write(bytes), format)
  sink.line('first')
  sink.line('second')
  sink.line('third')
  expect(sink.lost).toBe(2)
  full.room = 1000
  sink.line('fourth')
  sink.line('fifth')
  expect(full.text()).toBe('first\nse\n2 lines are missing: ENOSPC\nfourth\nfifth\n')
  expect(sink.lost).toBe(0)
})

test('a device that is always full, as the kernel has it, is survived', () => {
  const device = openSync('/dev/full', 'w')
  const sink = new LineSink(device, format)
  for (let index = 0; index < 10; index++) sink.line('x')
  expect(sink.lost).toBe(10)
  closeSync(device)
})

test('a closed descriptor is survived', () => {
  const sink = new LineSink(9999, format)
  sink.line('x')
  expect(sink.lost).toBe(1)
})
