/** How many backups of one machine are kept: the last of each of so many hours, days … that have one. */
export interface Retention {
  last?: number
  hourly?: number
  daily?: number
  weekly?: number
  monthly?: number
  yearly?: number
}

interface Dated {
  /** RFC 3339. */
  time: string
}

/**
 * Which backups of one machine are kept. In UTC, so that summer time gives no day two names; weeks begin on Monday.
 *
 * @returns those kept, newest first; all of them where a retention names nothing, since that is rather forgotten than meant
 */
export function retain<B extends Dated>(backups: readonly B[], retention: Retention): B[] {
  const newestFirst = backups.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time))
  const rules = periods.filter(({ name }) => (retention[name] ?? 0) > 0)
  if (rules.length === 0) return newestFirst
  const kept = new Set<B>()
  for (const { name, of } of rules) {
    const seen = new Set<string>()
    for (const [index, backup] of newestFirst.entries()) {
      const period = of(new Date(backup.time), index)
      if (seen.has(period)) continue
      if (seen.size === retention[name]) break
      seen.add(period)
      kept.add(backup)
    }
  }
  return newestFirst.filter((backup) => kept.has(backup))
}

const dayMs = 86_400_000
/** 1970 began on a Thursday. */
const mondayOffsetDays = 3

const periods: { name: keyof Retention; of: (time: Date, index: number) => string }[] = [
  { name: 'last', of: (_, index) => String(index) },
  { name: 'hourly', of: (time) => time.toISOString().slice(0, 13) },
  { name: 'daily', of: (time) => time.toISOString().slice(0, 10) },
  { name: 'weekly', of: (time) => String(Math.floor((time.getTime() / dayMs + mondayOffsetDays) / 7)) },
  { name: 'monthly', of: (time) => time.toISOString().slice(0, 7) },
  { name: 'yearly', of: (time) => time.toISOString().slice(0, 4) },
]
