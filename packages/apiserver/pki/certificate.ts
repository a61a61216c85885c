import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto'
import { isIP } from 'node:net'
import {
  bits,
  boolean,
  der,
  explicit,
  fromPem,
  integer,
  octets,
  oid,
  readDer,
  readOneDer,
  sequence,
  setOf,
  time,
  toPem,
  utf8,
} from './der.ts'

/** A certificate with its private key, both as PEM. */
export interface KeyPairPem {
  cert: string
  key: string
}

/** Whom a certificate names: the user name and the groups, as Kubernetes reads client certificates. */
export interface Subject {
  commonName: string
  organizations?: string[]
}

/** What is to be certified. */
export interface CertificateOptions {
  subject: Subject
  /** `client` and `server` are extended key usages: a certificate of one kind is refused as the other. */
  usages: ('client' | 'server')[]
  /** DNS names and IP addresses it is valid for; servers only. */
  names?: string[]
  days?: number
  now?: Date
}

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
}
const dayMs = 24 * 3600 * 1000
/** Certificates begin in the past, so that a peer whose clock is behind accepts them at once. */
const backdateMs = 3600 * 1000

/** A new ECDSA P-256 key, as PKCS #8 PEM. */
export function newPrivateKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
}

/**
 * A new certificate authority that signs its own certificate; it may sign leaves only.
 *
 * With an old key and the same name, what the old certificate's key has signed stays valid.
 */
export function newAuthority(commonName: string, key = newPrivateKey(), days = 3650, now = new Date()): KeyPairPem {
  const publicKey = createPublicKey(key)
  const name = encodeName({ commonName })
  const extensions = [
    extension(oids.basicConstraints, true, sequence(boolean(true), integer(Buffer.from([0])))),
    // digitalSignature (bit 0), keyCertSign (5), cRLSign (6)
    extension(oids.keyUsage, true, bits(Buffer.from([0b1000_0110]), 1)),
    extension(oids.subjectKeyIdentifier, false, octets(keyIdentifier(publicKey))),
  ]
  const cert = encodeCertificate({ issuer: name, subject: name, publicKey, extensions, days, now, signer: key })
  return { cert, key }
}

/** A certificate for `publicKey`, signed by the authority. It never outlives the authority. */
export function certify(authority: KeyPairPem, publicKey: KeyObject, options: CertificateOptions): string {
  const now = options.now ?? new Date()
  const issuer = new X509Certificate(authority.cert)
  const lastDays = (Date.parse(issuer.validTo) - now.getTime()) / dayMs
  if (lastDays <= 0) throw new Error(`the cluster's CA certificate ended on ${issuer.validTo}; make a new one`)
  const names = options.names ?? []
  const extensions = [
    extension(oids.basicConstraints, true, sequence()),
    // digitalSignature
    extension(oids.keyUsage, true, bits(Buffer.from([0b1000_0000]), 7)),
    extension(oids.extendedKeyUsage, false, sequence(...options.usages.map((usage) => oid(oids[usage])))),
    extension(oids.subjectKeyIdentifier, false, octets(keyIdentifier(publicKey))),
    extension(oids.authorityKeyIdentifier, false, sequence(der(0x80, keyIdentifier(issuer.publicKey)))),
    ...(names.length > 0 ? [extension(oids.subjectAltName, false, sequence(...names.map(encodeAltName)))] : []),
  ]
  return encodeCertificate({
    issuer: subjectOfDer(fromPem(authority.cert, 'CERTIFICATE')),
    subject: encodeName(options.subject),
    publicKey,
    extensions,
    days: Math.min(options.days ?? 365, lastDays),
    now,
    signer: authority.key,
  })
}

/** A new key with its certificate. */
export function issue(authority: KeyPairPem, options: CertificateOptions): KeyPairPem {
  const key = newPrivateKey()
  return { cert: certify(authority, createPublicKey(key), options), key }
}

interface Parts {
  issuer: Uint8Array
  subject: Uint8Array
  publicKey: KeyObject
  extensions: Uint8Array[]
  days: number
  now: Date
  signer: string
}

function encodeCertificate(parts: Parts): string {
  const algorithm = sequence(oid(oids.ecdsaWithSha256))
  const end = new Date(parts.now.getTime() + parts.days * dayMs)
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    parts.issuer,
    sequence(time(new Date(parts.now.getTime() - backdateMs)), time(end)),
    parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...parts.extensions)),
  )
  const signature = sign('sha256', body, createPrivateKey(parts.signer))
  return toPem(sequence(body, algorithm, bits(signature)), 'CERTIFICATE')
}

/** A subject in DER, groups first. */
export function encodeName(subject: Subject): Uint8Array {
  const attribute = (type: string, value: string) => setOf(sequence(oid(type), utf8(value)))
  return sequence(
    ...(subject.organizations ?? []).map((organization) => attribute(oids.organization, organization)),
    attribute(oids.commonName, subject.commonName),
  )
}

/** A DNS name or an IP address as it stands in a certificate. */
export function encodeAltName(name: string): Uint8Array {
  if (isIP(name) === 0) return der(0x82, Buffer.from(name, 'ascii'))
  return der(0x87, addressBytes(name))
}

function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // The URL parser gives the one canonical form, with an embedded IPv4 address already in hexadecimal.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]))
}

function extension(type: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octets(value))
}

/** RFC 5280 §4.2.1.2, method 1: SHA-1 over the key's bits. */
function keyIdentifier(publicKey: KeyObject): Uint8Array {
  const [, key] = readDer(readOneDer(publicKey.export({ type: 'spki', format: 'der' })).body)
  if (!key) throw new RangeError('the public key has no key bits')
  return createHash('sha1').update(key.body.subarray(1)).digest()
}

/** The subject of a certificate as it is encoded there, so that an issuer's name matches byte for byte. */
function subjectOfDer(certificate: Uint8Array): Uint8Array {
  const [body] = readDer(readOneDer(certificate).body)
  if (!body) throw new RangeError('the certificate has no body')
  const fields = readDer(body.body)
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4]
  if (!subject) throw new RangeError('the certificate has no subject')
  return subject.raw
}
