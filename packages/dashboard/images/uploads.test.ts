import { expect, test } from 'vitest'
import { offsetOf } from './uploads.ts'

test('an upload goes on behind what has arrived, and from the start when more has arrived than the file is long', () => {
  expect(offsetOf({ receivedBytes: 0 }, 10)).toBe(0)
  expect(offsetOf({ receivedBytes: 7 }, 10)).toBe(7)
  expect(offsetOf({ receivedBytes: 12 }, 10)).toBe(0)
})
