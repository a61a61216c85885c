import { setTimeout as delay } from 'node:timers/promises'
import type { Commands } from './commands.ts'

/** A program that ended at once is started again after so long, and each time later. */
const firstPauseMs = 200
const longestPauseMs = 10_000
/** One that ran for so long ended by chance. */
const steadyMs = 30_000

/**
 * Follow what a program reports line by line, until the signal aborts; it is started again when it ends.
 *
 * @param onStart called each time that it starts: what changed before, it does not report
 */
export async function followOutput(
  commands: Commands,
  [program, ...args]: readonly [string, ...string[]],
  { onStart, onLine, signal }: { onStart: () => void; onLine: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  let pauseMs = firstPauseMs
  while (!signal.aborted) {
    const began = performance.now()
    onStart()
    await commands.follow(program, args, onLine, signal)
    if (signal.aborted) return
    pauseMs = performance.now() - began > steadyMs ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs)
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {})
  }
}
