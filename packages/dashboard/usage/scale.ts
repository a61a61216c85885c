/** A value at a step; null where nothing was measured. */
export type Points = readonly (number | null)[]

/** Marks of a vertical axis from 0 upwards, at round numbers, of which the last is at or above the largest value. */
export function ticksFor(largest: number, base: 10 | 1024 = 10, marks = 4): number[] {
  if (!(largest > 0)) return [0, 1]
  const unit = base === 1024 ? 1024 ** Math.floor(Math.log(largest) / Math.log(1024)) : 1
  const step = roundUp(largest / unit / marks) * unit
  const count = Math.ceil(largest / step)
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}

/** The next of 1, 2, 2.5, 5, 10, 20 … that is not smaller. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  const digit = value / power
  return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 2.5 ? 2.5 : digit <= 5 ? 5 : 10) * power
}

/** The size of the drawing: it is stretched to the room there is. */
export const drawing = { width: 1000, height: 100 } as const

/**
 * The outline of a series as SVG path data: a line, and the area under it. A gap in what was measured is a gap in both; a value that
 * stands alone is a short stroke.
 */
export function pathsOf(points: Points, top: number): { line: string; area: string } {
  const { width, height } = drawing
  const step = width / Math.max(1, points.length - 1)
  const x = (index: number) => round(index * step)
  const y = (value: number) => round(height - (Math.min(value, top) / top) * height)
  let line = ''
  let area = ''
  for (const [first, last] of stretches(points)) {
    const values = points.slice(first, last + 1) as number[]
    const marks = values.map((value, index) => `${x(first + index)} ${y(value)}`)
    const closing = first === last ? [`${round(x(first) + step / 2)} ${y(values[0]!)}`] : []
    const outline = [...marks, ...closing].join('L')
    line += `M${outline}`
    area += `M${x(first)} ${height}L${outline}L${closing.length > 0 ? round(x(first) + step / 2) : x(last)} ${height}Z`
  }
  return { line, area }
}

/** First and last index of each run of values without a gap. */
function* stretches(points: Points): Iterable<[number, number]> {
  let first = -1
  for (let index = 0; index <= points.length; index++) {
    const value = points[index] ?? null
    if (value !== null && first < 0) first = index
    if (value === null && first >= 0) {
      yield [first, index - 1]
      first = -1
    }
  }
}

const round = (value: number) => Math.round(value * 100) / 100

/** The last value that was measured. */
export function lastOf(points: Points): number | undefined {
  return points.findLast((value) => value !== null) ?? undefined
}

/** The largest of several series; 0 without any. */
export function largestOf(series: readonly Points[]): number {
  return series.reduce((most, points) => points.reduce<number>((max, value) => Math.max(max, value ?? 0), most), 0)
}
