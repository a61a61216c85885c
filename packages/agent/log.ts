import type { Log } from './compute/host.ts'

/** One JSON line per event: time, level, message, further fields. */
export function lineLog(write: (line: string) => void): Log {
  return (level, message, fields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`)
}
