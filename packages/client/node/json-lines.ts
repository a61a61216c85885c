import type { Readable } from 'node:stream'

/** The longest line taken; an object may be 1.5 MiB in the store, so this only stops a peer gone mad. */
const maxLineBytes = 64 * 1024 * 1024

/**
 * Parse a stream of JSON documents, one a line. Reads no further than its consumer does.
 *
 * @throws {SyntaxError} for a line that is not JSON, {RangeError} for one above 64 MiB
 */
export async function* readJsonLines(stream: Readable): AsyncGenerator<unknown> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const tail = chunk.subarray(start, end)
      const line = parts.length > 0 ? Buffer.concat([...parts, tail]) : tail
      parts = []
      bytes = 0
      start = end + 1
      if (line.length > 0) yield JSON.parse(line.toString('utf8'))
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start))
      bytes += chunk.length - start
      if (bytes > maxLineBytes) throw new RangeError(`a line of more than ${maxLineBytes} bytes`)
    }
  }
  if (parts.length > 0) yield JSON.parse(Buffer.concat(parts).toString('utf8'))
}
