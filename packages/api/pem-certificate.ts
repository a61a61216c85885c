/** A part of a DER encoding: its tag, and where its content begins and ends. */
interface Part {
  tag: number
  start: number
  end: number
}

const SEQUENCE = 0x30
const BIT_STRING = 0x03

/**
 * What is wrong with the form of one X.509 certificate in PEM; undefined when nothing is.
 *
 * Only the outer form is read (RFC 5280 section 4.1): enough to turn away what was cut off, mistyped or is something else.
 */
export function certificateFault(pem: string): string | undefined {
  const base64 = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(pem)?.[1]?.replace(/\s+/g, '')
  if (!base64) return 'there is no PEM certificate in it'
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
