import { fromPem, readDer, readOneDer, type DerNode } from './der.ts'

/** What a PKCS #10 request asks for. Nothing of it is trusted: it is what somebody wishes. */
export interface RequestContent {
  commonName: string
  organizations: string[]
  /** DNS names and IP addresses. */
  names: string[]
}

const oids = { commonName: '550403', organization: '55040a', extensions: '2a864886f70d01090e', altName: '551d11' }
const textTags = [0x0c, 0x13, 0x16]
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

const hex = (node: DerNode | undefined) => Buffer.from(node?.body ?? []).toString('hex')

/**
 * Read a PEM request's subject and names.
 *
 * @throws {RangeError} when it is no request, or asks for what no certificate of ours says: another attribute than CN and O in
 *   the subject, or another name than of a host
 * @see RFC 2986 §4, RFC 5280 §4.2.1.6
 */
export function readRequest(pem: string): RequestContent {
  const [info] = readDer(readOneDer(fromPem(pem, 'CERTIFICATE REQUEST')).body)
  const [, subject, , attributes] = readDer(info?.body ?? new Uint8Array())
  if (!subject) throw new RangeError('the certificate request has no subject')
  const content: RequestContent = { commonName: '', organizations: [], names: [] }
  for (const set of readDer(subject.body)) for (const attribute of readDer(set.body)) readAttribute(attribute, content)
  content.names = readNames(attributes)
  return content
}

function readAttribute(attribute: DerNode, content: RequestContent): void {
  const [type, value] = readDer(attribute.body)
  if (!value || !textTags.includes(value.tag)) throw new RangeError('a text of the subject is of an unknown form')
  const text = new TextDecoder('utf-8', { fatal: true }).decode(value.body)
  const name = hex(type)
  if (name === oids.organization) content.organizations.push(text)
  else if (name !== oids.commonName) throw new RangeError('the subject may have CN and O alone')
  else if (content.commonName) throw new RangeError('the subject has more than one CN')
  else content.commonName = text
}

function readNames(attributes: DerNode | undefined): string[] {
  const names: string[] = []
  for (const attribute of readDer(attributes?.body ?? new Uint8Array())) {
    const [type, values] = readDer(attribute.body)
    if (hex(type) !== oids.extensions || !values) continue
    for (const extension of readDer(readOneDer(values.body).body)) {
      const parts = readDer(extension.body)
      const content = parts.at(-1)
      if (hex(parts[0]) === oids.altName && content) names.push(...readDer(readOneDer(content.body).body).map(nameOf))
    }
  }
  return names
}

function nameOf({ tag, body }: DerNode): string {
  if (tag === DNS_NAME) return Buffer.from(body).toString('latin1')
  if (tag === IP_ADDRESS && body.length === 4) return body.join('.')
  if (tag === IP_ADDRESS && body.length === 16) return (hex({ tag, body, raw: body }).match(/.{4}/g) ?? []).join(':')
  throw new RangeError('the request may name hosts and IP addresses alone')
}
