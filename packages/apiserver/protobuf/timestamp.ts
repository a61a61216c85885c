/** A point in time as the messages Time and MicroTime have it. */
export interface Timestamp {
  seconds: number
  nanos: number
}

const fractionPattern = /\.(\d{1,9})/

/** RFC 3339 as seconds and nanoseconds; undefined when it is no time. */
export function parseTime(text: string): Timestamp | undefined {
  const milliseconds = Date.parse(text)
  if (Number.isNaN(milliseconds)) return undefined
  const fraction = fractionPattern.exec(text)?.[1] ?? ''
  return { seconds: Math.floor(milliseconds / 1000), nanos: Number(fraction.padEnd(9, '0')) }
}

/** As Time is written in JSON: whole seconds. */
export function timeText({ seconds }: Timestamp): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

/** As MicroTime is written in JSON: microseconds, all six digits. */
export function microTimeText(time: Timestamp): string {
  const micros = Math.floor(time.nanos / 1000)
  return `${timeText(time).slice(0, 19)}.${String(micros).padStart(6, '0')}Z`
}
