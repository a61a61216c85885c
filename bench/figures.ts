import { readFileSync, readdirSync } from 'node:fs'

/** The value below which `share` (0..1) of the samples lie. */
export function percentile(samples: number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** What a process uses now: resident and proportional bytes, and CPU seconds since its start. @see proc(5) */
export function processUsage(pid: number): { residentBytes: number; proportionalBytes: number; cpuSeconds: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0)
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return {
    residentBytes: kibibytes('Rss') * 1024,
    proportionalBytes: kibibytes('Pss') * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
  }
}

/** The pids whose command line contains all of these words. */
export function pidsOf(...words: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return words.every((word) => command.includes(word))
      } catch {
        return false
      }
    })
    .map(Number)
}

/** One figure and what it must reach. */
export interface Figure {
  name: string
  value: number
  unit: string
  /** The most it may be; none for what is only reported. */
  limit?: number
  /** A peer or a floor measured in the same run. */
  beside?: { name: string; value: number }
}

/** Print figures as a Markdown table, with the ratio to what stands beside them. */
export function printFigures(figures: Figure[]): void {
  const round = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))
  console.log('| figure | measured | limit | beside, same run | ratio |')
  console.log('|---|---|---|---|---|')
  for (const { name, value, unit, limit, beside } of figures) {
    const held = limit === undefined ? '–' : `${round(limit)} ${unit} ${value <= limit ? '✓' : '✗'}`
    const other = beside ? `${beside.name} ${round(beside.value)} ${unit}` : '–'
    console.log(
      `| ${name} | ${round(value)} ${unit} | ${held} | ${other} | ${beside ? round(value / beside.value) : '–'} |`,
    )
  }
}
