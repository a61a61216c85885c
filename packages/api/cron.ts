/** The five fields of a schedule, with their bounds and the names that two of them may use. */
const fields = [
  { name: 'minute', least: 0, most: 59, names: [] },
  { name: 'hour', least: 0, most: 23, names: [] },
  { name: 'day of the month', least: 1, most: 31, names: [] },
  { name: 'month', least: 1, most: 12, names: 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ') },
  { name: 'day of the week', least: 0, most: 6, names: 'sun mon tue wed thu fri sat'.split(' ') },
] as const

const shorthand = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/
const interval = /^@every (?:\d{1,9}(?:\.\d{0,9})?(?:ns|us|µs|ms|s|m|h)){1,8}$/
const maxLength = 512

/**
 * What is wrong with a schedule; undefined when nothing is. Linear in its length.
 *
 * @see robfig/cron v3 `ParseStandard`, which Kubernetes and Harvester read schedules with
 */
export function cronFault(schedule: string): string | undefined {
  if (schedule.length > maxLength) return `has more than ${maxLength} characters`
  if (shorthand.test(schedule) || interval.test(schedule)) return undefined
  const parts = schedule.split(/\s+/).filter(Boolean)
  if (parts.length !== fields.length)
    return 'give minute, hour, day, month and weekday, such as "0 3 * * *", or a form such as @daily'
  for (const [index, field] of fields.entries()) {
    const wrong = parts[index]!.split(',').find((part) => !isPart(part, field))
    if (wrong !== undefined)
      return `${JSON.stringify(wrong)} is no ${field.name}; use ${field.least} to ${field.most}, *, a-b or */n`
  }
  return undefined
}

/** `*`, a value or a range, each perhaps with a step. */
function isPart(part: string, field: (typeof fields)[number]): boolean {
  const [range = '', step, ...rest] = part.split('/')
  if (rest.length > 0 || (step !== undefined && !/^0*[1-9]\d{0,8}$/.test(step))) return false
  if (range === '*' || range === '?') return true
  const [from = '', to = from, ...more] = range.split('-')
  const low = valueOf(from, field)
  const high = valueOf(to, field)
  return more.length === 0 && low !== undefined && high !== undefined && low <= high
}

function valueOf(written: string, { least, most, names }: (typeof fields)[number]): number | undefined {
  const named = (names as readonly string[]).indexOf(written.toLowerCase())
  if (named >= 0) return named + least
  const number = /^\d{1,9}$/.test(written) ? Number(written) : Number.NaN
  return number >= least && number <= most ? number : undefined
}
