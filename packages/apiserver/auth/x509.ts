import type { TLSSocket } from 'node:tls'
import type { Authenticator, Credentials, User } from '../user.ts'

const shown = new WeakMap<TLSSocket, Credentials['certificate'] | 'none'>()

/**
 * The client certificate of a connection, once TLS has verified it against our authority.
 *
 * A certificate that TLS could not verify counts as none. So does one without exactly one common name.
 */
export function certificateOf(socket: TLSSocket): Credentials['certificate'] {
  let certificate = shown.get(socket)
  if (certificate === undefined) {
    certificate = readCertificate(socket) ?? 'none'
    shown.set(socket, certificate)
  }
  return certificate === 'none' ? undefined : certificate
}

function readCertificate(socket: TLSSocket): Credentials['certificate'] {
  if (!socket.authorized) return undefined
  const { subject, fingerprint256 } = socket.getPeerCertificate()
  const names: unknown = subject?.CN
  const organizations: unknown = subject?.O ?? []
  if (typeof names !== 'string' || names === '' || !fingerprint256) return undefined
  return {
    commonName: names,
    organizations: (Array.isArray(organizations) ? organizations : [organizations]).map(String),
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** Client certificates: the common name is the user, each organization a group. */
export class X509Authenticator implements Authenticator {
  authenticate(credentials: Credentials): User | undefined {
    const { certificate } = credentials
    if (!certificate) return undefined
    return {
      name: certificate.commonName,
      groups: certificate.organizations,
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.fingerprint}`] },
    }
  }
}
