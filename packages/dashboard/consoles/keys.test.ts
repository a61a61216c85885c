import { expect, test } from 'vitest'
import { keysyms, strokesOf } from './keys.ts'

test('a text is typed key by key, with Shift where a US keyboard needs it', () => {
  expect(strokesOf('a')).toEqual([{ keysym: 0x61, shift: false }])
  expect(strokesOf('A|b')).toEqual([
    { keysym: 0x41, shift: true },
    { keysym: 0x7c, shift: true },
    { keysym: 0x62, shift: false },
  ])
  expect(strokesOf('é中')).toEqual([
    { keysym: 0xe9, shift: false },
    { keysym: 0x1004e2d, shift: false },
  ])
})

test('ends of lines are one Return each, and control characters are left out', () => {
  expect(strokesOf('\r\n\n\t\u0007').map(({ keysym }) => keysym)).toEqual([keysyms.Return, keysyms.Return, keysyms.Tab])
})
