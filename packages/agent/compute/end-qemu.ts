import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, signalProcess, type ProcessIdentity } from './process-identity.ts'
import type { QmpClient } from './qmp.ts'

/**
 * Make sure that a QEMU is gone: asked by its monitor, killed when it has none or does not follow. Resolves no earlier.
 *
 * @param exited of a QEMU that is this process's child: resolves at its end
 */
export async function endQemu(
  process: ProcessIdentity,
  qmp: QmpClient | undefined,
  exited: Promise<void> | undefined,
): Promise<void> {
  if (qmp && !qmp.ended) {
    await qmp.execute('quit', {}, AbortSignal.timeout(2000)).catch(() => {})
    await Promise.race([qmp.closed, delay(2000)])
  }
  // Without a monitor there was no guest yet, or it cannot be spoken with.
  else signalProcess(process, 'SIGKILL')
  // Of a child we are told; another's child is watched for the moment between its last word and its end.
  if (exited) await Promise.race([exited, delay(2000)])
  for (let tries = 0; isAlive(process); tries++) {
    if (tries % 200 === 199) signalProcess(process, 'SIGKILL')
    // A process that waits for a dead disk ends only when the disk answers; until then it holds what it holds.
    await delay(tries < 1000 ? 5 : 500)
  }
  qmp?.close()
}
