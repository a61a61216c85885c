import { expect, test } from 'vitest'
import { outcomeOfShutdown, verdictOfStatus } from './verdict.ts'

test.each([
  ['running', { is: 'running' }],
  ['prelaunch', { is: 'not started' }],
  ['inmigrate', { is: 'awaits migration' }],
  ['postmigrate', { is: 'migrated' }],
  ['paused', { is: 'paused', reason: 'PausedByUser' }],
  ['io-error', { is: 'paused', reason: 'PausedIOError' }],
  ['watchdog', { is: 'paused', reason: 'PausedUnknown' }],
  ['shutdown', { is: 'ended', outcome: { phase: 'Succeeded', reason: 'GuestShutdown' } }],
  ['guest-panicked', { is: 'ended', outcome: { phase: 'Failed', reason: 'GuestPanicked' } }],
  ['internal-error', { is: 'ended', outcome: { phase: 'Failed', reason: 'InternalError' } }],
])('a guest that QEMU calls %s: %j', (status, verdict) => {
  expect(verdictOfStatus(status)).toMatchObject(verdict)
})

test("a guest that shuts down succeeds, one that panics fails, and an end from outside is not the guest's doing", () => {
  expect(outcomeOfShutdown('guest-shutdown')).toMatchObject({ phase: 'Succeeded' })
  expect(outcomeOfShutdown('guest-panic')).toMatchObject({ phase: 'Failed', reason: 'GuestPanicked' })
  expect(outcomeOfShutdown('host-signal')).toBeUndefined()
})
