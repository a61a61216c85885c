/** Record types that are looked at. @see RFC 1035 §3.2.2, RFC 3596 */
export const recordTypes = { A: 1, PTR: 12, AAAA: 28 } as const

/** Answer codes. @see RFC 1035 §4.1.1 */
export const answerCodes = { ok: 0, serverFailure: 2, noSuchName: 3 } as const

const headerBytes = 12

/** The one question of a DNS message. */
export interface Question {
  /** In lower case, without the last dot. */
  name: string
  type: number
  /** Where the question ends in the message. */
  end: number
}

/** The question that a message asks; undefined when it is no plain question. @see RFC 1035 §4.1 */
export function readQuestion(message: Buffer): Question | undefined {
  if (message.length < headerBytes + 5) return undefined
  const isQuery = (message.readUInt16BE(2) & 0xf800) === 0
  if (!isQuery || message.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = headerBytes
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63 || at + length + 5 > message.length) return undefined
    at += 1
    if (length === 0) break
    labels.push(message.toString('latin1', at, at + length).toLowerCase())
    at += length
  }
  if (message.readUInt16BE(at + 2) !== 1) return undefined
  return { name: labels.join('.'), type: message.readUInt16BE(at), end: at + 4 }
}

/** An answer to a question, with the IPv4 addresses that it gives. */
export function writeAnswer(
  message: Buffer,
  question: Question,
  code: number,
  addresses: readonly string[] = [],
): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt16BE(message.readUInt16BE(0), 0)
  const recursionDesired = message.readUInt16BE(2) & 0x0100
  header.writeUInt16BE(0x8480 | recursionDesired | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(addresses.length, 6)
  const records = addresses.map((address) =>
    // A pointer to the question's name, type A, class IN, 60 seconds, four bytes.
    Buffer.from([0xc0, headerBytes, 0, recordTypes.A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  )
  return Buffer.concat([header, message.subarray(headerBytes, question.end), ...records])
}
