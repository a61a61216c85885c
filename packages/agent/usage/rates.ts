import { measures, type UsageCounters, type UsageValues } from '@thresher/api/metrics/usage'

/** Counters as they were at a moment. */
export interface Reading {
  /** Milliseconds on a clock that is never set. */
  atMs: number
  counters: UsageCounters
}

/**
 * What was used between two readings. Undefined when no time lies between them or a counter went back, as when what is counted began anew.
 */
export function ratesBetween(before: Reading, after: Reading): UsageValues | undefined {
  const seconds = (after.atMs - before.atMs) / 1000
  if (seconds <= 0) return undefined
  const rates = { ...after.counters }
  for (const measure of measures) {
    if (measure === 'memory') continue
    rates[measure] = (after.counters[measure] - before.counters[measure]) / seconds
    if (rates[measure] < 0) return undefined
  }
  return rates
}
