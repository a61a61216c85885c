import { connect } from 'node:tls'
import type { Target } from './api-watch.ts'

/** What the process that holds the watches is told first. */
export interface WatchersTask extends Target {
  path: string
  watchers: number
}

/** What it says at the end: milliseconds from the beginning of a write to its event's arrival. */
export interface WatchersReport {
  latencies: number[]
}

const mark = Buffer.from('"sentAt":"')
/** Milliseconds of the clock that all processes of a machine share. */
export const clock = () => Number(process.hrtime.bigint()) / 1e6

/**
 * Watches as lean as they can be: bytes off the connection, no HTTP client and no text, so that on a machine with few
 * cores the server is measured and not its clients.
 */
function openWatch({ url, ca, cert, key, path }: WatchersTask, onEvent: (sentAt: number) => void): Promise<void> {
  const { hostname: host, port } = new URL(url)
  return new Promise((resolve, reject) => {
    // An event's mark can be cut between two chunks.
    let tail: Buffer = Buffer.alloc(0)
    const socket = connect({ host, port: Number(port), ca, cert, key }, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`),
    )
    socket.once('data', () => resolve())
    socket.on('data', (chunk: Buffer) => {
      const bytes = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk
      let from = 0
      for (;;) {
        const at = bytes.indexOf(mark, from)
        const end = at < 0 ? -1 : bytes.indexOf(0x22, at + mark.length)
        if (end < 0) {
          tail = bytes.subarray(at < 0 ? Math.max(from, bytes.length - mark.length + 1) : at)
          return
        }
        onEvent(Number(bytes.toString('latin1', at + mark.length, end)))
        from = end
      }
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server ended a watch')))
  })
}

if (process.send) {
  const latencies: number[] = []
  process.on('message', (task: WatchersTask | 'report') => {
    if (task === 'report') {
      process.send!({ latencies } satisfies WatchersReport, () => process.exit())
      return
    }
    const open = Array.from({ length: task.watchers }, () =>
      openWatch(task, (sentAt) => void latencies.push(clock() - sentAt)),
    )
    void Promise.all(open).then(() => process.send!('open'))
  })
  process.on('disconnect', () => process.exit())
}
