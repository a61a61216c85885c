import { LineSink } from '@thresher/client/node/line-sink'
import type { Log } from './compute/host.ts'

/** One JSON line per event: time, level, message, further fields. Never throws. @param target a file descriptor, or what writes bytes */
export function lineLog(target: ConstructorParameters<typeof LineSink>[0]): Log {
  const format: (...event: Parameters<Log>) => string = (level, message, fields) =>
    JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })
  const sink = new LineSink(target, (lost, error) =>
    format('warn', `${lost} lines are missing here, for which there was no room: ${String(error)}`),
  )
  return (...event) => sink.line(format(...event))
}
