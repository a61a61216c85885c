/** How often a program that ends may be started again. */
export interface RestartPolicy {
  /** The pause before the first restart; it doubles with each further one. */
  firstMs: number
  longestMs: number
  /** More starts than this within the time are no bad luck: it is left alone until somebody looks. */
  starts: number
  withinMs: number
}

/** As the systemd units have it, see `units.ts`. */
export const restartPolicy: RestartPolicy = { firstMs: 200, longestMs: 30_000, starts: 10, withinMs: 600_000 }

/** What to do about a program that has ended. */
export type Restart = { do: 'start'; afterMs: number } | { do: 'give-up' }

/**
 * Decide on a program that has ended. Pure.
 *
 * @param starts when it was started, in milliseconds, the last one last; @param now when it ended
 */
export function afterEnd(starts: readonly number[], now: number, policy: RestartPolicy = restartPolicy): Restart {
  const recent = starts.filter((at) => now - at < policy.withinMs).length
  if (recent >= policy.starts) return { do: 'give-up' }
  return { do: 'start', afterMs: Math.min(policy.longestMs, policy.firstMs * 2 ** Math.max(0, recent - 1)) }
}
