import { expect, test } from 'vitest'
import { judgeShutdown, judgeStatus } from './verdict.ts'

test.each([
  ['running', { do: 'go on' }],
  ['paused', { do: 'pause', reason: 'PausedByUser' }],
  ['io-error', { do: 'pause', reason: 'PausedIOError' }],
  ['watchdog', { do: 'pause', reason: 'PausedUnknown' }],
  ['shutdown', { do: 'end', outcome: { phase: 'Succeeded', reason: 'GuestShutdown' } }],
  ['guest-panicked', { do: 'end', outcome: { phase: 'Failed', reason: 'GuestPanicked' } }],
  ['internal-error', { do: 'end', outcome: { phase: 'Failed', reason: 'InternalError' } }],
])('a guest that QEMU calls %s: %j', (status, verdict) => {
  expect(judgeStatus(status)).toMatchObject(verdict)
})

test('a guest that shuts down succeeds, one that panics fails, and an end from outside is no word of the guest', () => {
  expect(judgeShutdown('guest-shutdown')).toMatchObject({ phase: 'Succeeded' })
  expect(judgeShutdown('guest-panic')).toMatchObject({ phase: 'Failed', reason: 'GuestPanicked' })
  expect(judgeShutdown('host-signal')).toBeUndefined()
})
