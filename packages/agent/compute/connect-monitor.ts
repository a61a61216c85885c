import { setTimeout as delay } from 'node:timers/promises'
import { QmpClient, QmpError } from './qmp.ts'
import { waitForSocket } from './wait-for-socket.ts'

/** Connect to the monitor of a QEMU that is just starting. @throws {QmpError}; the signal's reason */
export async function connectMonitor(path: string, signal: AbortSignal): Promise<QmpClient> {
  await waitForSocket(path, signal)
  // The socket's file is there a moment before QEMU listens on it.
  for (;;) {
    try {
      return await QmpClient.connect(path, signal)
    } catch (error) {
      if (!(error instanceof QmpError) || error.reason !== 'Unreachable') throw error
      await delay(1, undefined, { signal })
    }
  }
}
