import type { QmpClient } from './qmp.ts'

/** Start a guest again that has shut down: QEMU lets it run once its machine is reset. */
export async function restartGuest(qmp: QmpClient): Promise<void> {
  const reset = Promise.withResolvers<void>()
  const stop = qmp.onEvent(({ event }) => event === 'RESET' && reset.resolve())
  try {
    await qmp.execute('system_reset', {})
    await Promise.race([reset.promise, qmp.closed])
    await qmp.execute('cont', {})
  } finally {
    stop()
  }
}
