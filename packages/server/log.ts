/** One line per event on standard output: time, level, message and fields as `name=value`. Never secrets. */
export function log(level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown> = {}): void {
  const extra = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  process.stdout.write(`${new Date().toISOString()} ${level} ${message}${extra.join('')}\n`)
}
