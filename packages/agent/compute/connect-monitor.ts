import { setTimeout as delay } from 'node:timers/promises'
import { QmpClient, QmpError } from './qmp.ts'
import { trustedSocket } from './trusted-socket.ts'
import { waitForSocket } from './wait-for-socket.ts'

const longestPauseMs = 500

/**
 * Connect to the monitor of a QEMU, as soon as it has one and answers. Waits for as long as the signal lets it: a connection
 * that QEMU has not taken yet is not given up, as QEMU would first have to deal with each one that was.
 *
 * @param user the user that this QEMU runs as
 * @throws {UntrustedSocketError} when something else lies there; the signal's reason
 */
export async function connectMonitor(path: string, user: number, signal: AbortSignal): Promise<QmpClient> {
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    await waitForSocket(path, signal)
    try {
      return await QmpClient.connect(trustedSocket(path, user), signal)
    } catch (error) {
      signal.throwIfAborted()
      // The socket's file is there a moment before QEMU listens on it, and stays when it does not any more.
      if (!(error instanceof QmpError)) throw error
      await delay(pauseMs, undefined, { signal })
    }
  }
}
