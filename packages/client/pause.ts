/** Wait `ms`, or until the signal aborts: neither is an error. In Node the wait keeps no process alive. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    detach(timer)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Let a timer keep no process alive. A browser's timers are numbers and keep nothing. */
export function detach(timer: ReturnType<typeof setTimeout>): void {
  if (typeof timer === 'object') timer.unref()
}
