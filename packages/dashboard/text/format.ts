const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

const spans: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** Numbers, sizes and times as one language writes them. */
export class Formats {
  readonly locale: string
  readonly #number: Intl.NumberFormat
  readonly #date: Intl.DateTimeFormat
  readonly #time: Intl.DateTimeFormat
  readonly #relative: Intl.RelativeTimeFormat

  constructor(locale: string) {
    this.locale = locale
    this.#number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 })
    this.#date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' })
    this.#time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'narrow' })
  }

  number(value: number): string {
    return this.#number.format(value)
  }

  percent(share: number): string {
    return new Intl.NumberFormat(this.locale, { style: 'percent', maximumFractionDigits: 0 }).format(share)
  }

  /** A size in the largest unit of 1024 that leaves at least 1: `1.5 GiB`. */
  bytes(bytes: number): string {
    let step = 0
    let value = bytes
    while (value >= 1024 && step < binary.length - 1) {
      value /= 1024
      step += 1
    }
    return `${this.#number.format(value)} ${binary[step]}`
  }

  /** A moment in full. @param time as Kubernetes writes it */
  date(time: string | undefined): string {
    return time && !Number.isNaN(Date.parse(time)) ? this.#date.format(new Date(time)) : '—'
  }

  /** The time of day. @param ms since 1970 */
  time(ms: number): string {
    return this.#time.format(ms)
  }

  /** How long ago a moment was, in its largest unit: `3 hours ago`. */
  ago(time: string | undefined, nowMs: number = Date.now()): string {
    const atMs = Date.parse(time ?? '')
    if (Number.isNaN(atMs)) return '—'
    const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000))
    const [unit, size] = spans.find(([, length]) => seconds >= length) ?? ['second', 1]
    return this.#relative.format(-Math.floor(seconds / size), unit)
  }
}
