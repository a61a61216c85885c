import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { encodeAltName, encodeName, type Subject } from './certificate.ts'
import { bits, der, integer, octets, oid, sequence, setOf, toPem } from './der.ts'

const oids = { ecdsaWithSha256: '1.2.840.10045.4.3.2', extensionRequest: '1.2.840.113549.1.9.14', altName: '2.5.29.17' }

/**
 * A PKCS #10 request as PEM.
 *
 * @param key an ECDSA P-256 private key, PEM; it signs the request and stays here
 * @param names DNS names and IP addresses to be valid for; servers only
 * @see RFC 2986
 */
export function newCertificateRequest(key: string, subject: Subject, names: readonly string[] = []): string {
  const publicKey = createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' })
  const extensions = sequence(sequence(oid(oids.altName), octets(sequence(...names.map(encodeAltName)))))
  const attributes = names.length > 0 ? [sequence(oid(oids.extensionRequest), setOf(extensions))] : []
  const body = sequence(integer(Buffer.from([0])), encodeName(subject), publicKey, der(0xa0, ...attributes))
  const signature = sign('sha256', body, createPrivateKey(key))
  return toPem(sequence(body, sequence(oid(oids.ecdsaWithSha256)), bits(signature)), 'CERTIFICATE REQUEST')
}
