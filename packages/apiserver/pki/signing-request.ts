import { createPublicKey, verify } from 'node:crypto'
import { certify, type CertificateOptions, type KeyPairPem } from './certificate.ts'
import { fromPem, readDer, readOneDer } from './der.ts'

const hashes: Record<string, string> = {
  // ecdsa-with-SHA256, -SHA384, -SHA512; sha256WithRSAEncryption, 384, 512
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
}

/**
 * Sign a PKCS #10 request.
 *
 * Only the public key is taken from it, and only after its signature shows that the sender has the private key.
 * Subject, names and usages are those the caller has decided on: what the request asks for is not trusted.
 *
 * @throws {RangeError} when it is not a request, or its signature or key is not acceptable
 */
export function signRequest(authority: KeyPairPem, requestPem: string, options: CertificateOptions): string {
  const [body, algorithm, signature] = readDer(readOneDer(fromPem(requestPem, 'CERTIFICATE REQUEST')).body)
  if (body?.tag !== 0x30 || algorithm?.tag !== 0x30 || signature?.tag !== 0x03)
    throw new RangeError('the certificate request is incomplete')
  const publicKeyInfo = readDer(body.body)[2]
  if (publicKeyInfo?.tag !== 0x30) throw new RangeError('the certificate request has no public key')
  const hash = hashes[Buffer.from(readDer(algorithm.body)[0]?.body ?? []).toString('hex')]
  if (!hash)
    throw new RangeError(
      'the certificate request is signed with an algorithm that is not accepted; use ECDSA or RSA with SHA-256',
    )
  const key = createPublicKey({ key: Buffer.from(publicKeyInfo.raw), format: 'der', type: 'spki' })
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  const strong =
    key.asymmetricKeyType === 'ec' ? namedCurve !== undefined : key.asymmetricKeyType === 'rsa' && modulusLength >= 2048
  if (!strong)
    throw new RangeError('the key of the certificate request is too weak; use ECDSA P-256 or RSA with 2048 bits')
  if (!verify(hash, body.raw, key, signature.body.subarray(1)))
    throw new RangeError('the signature of the certificate request does not match its key')
  return certify(authority, key, options)
}
