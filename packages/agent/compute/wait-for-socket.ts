import { existsSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/**
 * Resolves when a socket's file is there; told by the kernel, not by looking again and again.
 *
 * @throws the signal's reason
 */
export function waitForSocket(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const watcher = watch(dirname(path), (_event, name) => {
      if (name === basename(path) && existsSync(path)) settle(resolve)
    })
    const abort = (): void => settle(() => reject(signal.reason))
    const settle = (done: () => void): void => {
      watcher.close()
      signal.removeEventListener('abort', abort)
      done()
    }
    watcher.on('error', (error) => settle(() => reject(error)))
    signal.addEventListener('abort', abort, { once: true })
    if (existsSync(path)) settle(resolve)
  })
}
