import { LineSink } from '@thresher/client/node/line-sink'

type Level = 'info' | 'warn' | 'error'

const sink = new LineSink(1, (lost, error) =>
  format('warn', `${lost} lines are missing here, for which there was no room: ${String(error)}`),
)

function format(level: Level, message: string, fields: Record<string, unknown> = {}): string {
  const extra = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  return `${new Date().toISOString()} ${level} ${message}${extra.join('')}`
}

/** One line per event on standard output: time, level, message and fields as `name=value`. Never secrets. Never throws. */
export function log(level: Level, message: string, fields: Record<string, unknown> = {}): void {
  sink.line(format(level, message, fields))
}
