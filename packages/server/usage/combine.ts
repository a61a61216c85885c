import { measures, type UsageHistory } from '@thresher/api/metrics/usage'

/** How values of several hosts for one moment become one. */
type Combine = (values: number[]) => number

const sum: Combine = (values) => values.reduce((total, value) => total + value, 0)
const newest: Combine = (values) => values.at(-1)!

/** The usage of several hosts together. A moment that only some have measured counts what they have. */
export function sumOf(histories: readonly UsageHistory[]): UsageHistory | undefined {
  return combined(histories, sum)
}

/** The usage of one machine as several hosts have it, on which it has run one after the other. */
export function joined(histories: readonly UsageHistory[]): UsageHistory | undefined {
  return combined(histories, newest)
}

/** Without what lies before a moment: what ran under the name earlier is somebody else's. */
export function since(history: UsageHistory, seconds: number): UsageHistory {
  const { startSeconds, stepSeconds } = history
  const kept = (values: (number | null)[]) =>
    values.map((value, index) => (startSeconds + (index + 1) * stepSeconds > seconds ? value : null))
  return { ...history, series: mapSeries((measure) => kept(history.series[measure])) }
}

function combined(histories: readonly UsageHistory[], combine: Combine): UsageHistory | undefined {
  const [first] = histories
  // Hosts whose clocks differ by a step, or that keep other steps, cannot be laid over each other beyond what they share.
  const alike = histories.filter(({ stepSeconds }) => stepSeconds === first?.stepSeconds)
  if (!first) return undefined
  const { stepSeconds } = first
  const startSeconds = Math.max(...alike.map((one) => one.startSeconds))
  const count = Math.min(...alike.map((one) => one.series.cpu.length - (startSeconds - one.startSeconds) / stepSeconds))
  const series = mapSeries((measure) =>
    Array.from({ length: Math.max(0, count) }, (_, index) => {
      const values = alike
        .map((one) => one.series[measure][index + (startSeconds - one.startSeconds) / stepSeconds])
        .filter((value) => typeof value === 'number')
      return values.length > 0 ? combine(values) : null
    }),
  )
  return { startSeconds, stepSeconds, series }
}

function mapSeries(of: (measure: (typeof measures)[number]) => (number | null)[]): UsageHistory['series'] {
  return {
    cpu: of('cpu'),
    memory: of('memory'),
    diskRead: of('diskRead'),
    diskWrite: of('diskWrite'),
    networkReceive: of('networkReceive'),
    networkTransmit: of('networkTransmit'),
  }
}
