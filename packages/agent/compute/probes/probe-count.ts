import type { Probe } from '@thresher/api/kubevirt/probe'

/** When a probe asks and after how many answers it changes its mind; numbers are Kubernetes' where the spec has none. */
export interface ProbeTimes {
  initialDelayMs: number
  periodMs: number
  timeoutMs: number
  successes: number
  failures: number
}

/** What a probe has found out so far. */
export interface ProbeCount {
  /** Undefined until enough answers agree. */
  passing?: boolean
  /** Answers in a row that say the same. */
  row: number
  /** What the last answer said. */
  last?: boolean
  /** Why it failed last, as a sentence. */
  message?: string
}

/** @see Kubernetes `core/v1.Probe` */
export function timesOf(probe: NonNullable<Probe>): ProbeTimes {
  const atLeast = (value: number | undefined, otherwise: number, least = 1): number =>
    Math.min(Math.max(value || otherwise, least), 24 * 3600)
  return {
    initialDelayMs: atLeast(probe.initialDelaySeconds, 0, 0) * 1000,
    periodMs: atLeast(probe.periodSeconds, 10) * 1000,
    timeoutMs: atLeast(probe.timeoutSeconds, 1) * 1000,
    successes: atLeast(probe.successThreshold, 1),
    failures: atLeast(probe.failureThreshold, 3),
  }
}

/** Count an answer. Pure. @param failure why it failed; undefined when it did not */
export function countAnswer(
  before: ProbeCount,
  failure: string | undefined,
  { successes, failures }: ProbeTimes,
): ProbeCount {
  const passed = failure === undefined
  const row = before.last === passed ? before.row + 1 : 1
  const passing = row >= (passed ? successes : failures) ? passed : before.passing
  return {
    row,
    last: passed,
    ...(passing === undefined ? {} : { passing }),
    ...(failure === undefined ? {} : { message: failure }),
  }
}
