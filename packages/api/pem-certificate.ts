/** A part of a DER encoding: its tag, and where its content begins and ends. */
interface Part {
  tag: number
  start: number
  end: number
}

const SEQUENCE = 0x30
const BIT_STRING = 0x03

const begin = '-----BEGIN CERTIFICATE-----'
const end = '-----END CERTIFICATE-----'

/** What stands between the BEGIN and END lines of each certificate, in order. Linear, whatever lines are missing. */
export function certificatesIn(pem: string): string[] {
  const [, ...parts] = pem.split(begin)
  return parts.flatMap((part) => {
    const until = part.indexOf(end)
    return until > 0 ? [part.slice(0, until)] : []
  })
}

/**
 * What is wrong with the form of one X.509 certificate; undefined when nothing is.
 *
 * Only the outer form is read (RFC 5280 section 4.1): enough to turn away what was cut off, mistyped or is something else.
 *
 * @param content what stands between its BEGIN and END lines
 */
export function certificateFault(content: string): string | undefined {
  const base64 = content.replaceAll(/\s/g, '')
  let der: Uint8Array
  try {
    der = Uint8Array.fromBase64(base64)
  } catch {
    return 'the text between its BEGIN and END lines is not base64'
  }
  const [certificate, ...rest] = parts(der, 0, der.length) ?? []
  if (!certificate || certificate.tag !== SEQUENCE || rest.length > 0)
    return 'its data is not a certificate or is cut off'
  const fields = parts(der, certificate.start, certificate.end)
  const tags = fields?.map(({ tag }) => tag)
  if (!fields || String(tags) !== String([SEQUENCE, SEQUENCE, BIT_STRING])) return 'its data is not a certificate'
  const body = parts(der, fields[0]!.start, fields[0]!.end)
  return body && body.length >= 6 ? undefined : 'its data is not a certificate'
}

/** The parts that follow each other from `start` to `end`; undefined when they do not fill it exactly. */
function parts(der: Uint8Array, start: number, end: number): Part[] | undefined {
  const found: Part[] = []
  for (let at = start; at < end;) {
    const part = readPart(der, at, end)
    if (!part) return undefined
    found.push(part)
    at = part.end
  }
  return found
}

function readPart(der: Uint8Array, at: number, end: number): Part | undefined {
  const tag = der[at]
  const short = der[at + 1]
  if (tag === undefined || short === undefined) return undefined
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f
  if (lengthBytes > 3 || short === 0x80 || at + 2 + lengthBytes > end) return undefined
  let length = short < 0x80 ? short : 0
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + der[at + 2 + index]!
  const start = at + 2 + lengthBytes
  return start + length <= end ? { tag, start, end: start + length } : undefined
}
