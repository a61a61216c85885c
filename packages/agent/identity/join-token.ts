import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'

/** A token by which a host joins, taken apart. */
export interface JoinToken {
  /** `id.secret`: what the API server is shown. */
  bearer: string
  /** SHA-256 of the public key of the cluster's authority (SPKI), in hexadecimal: by it the API server is known. */
  authority: string
}

const form = /^([a-z0-9]{6}\.[a-z0-9]{16})\.([0-9a-f]{64})$/

/** @returns undefined when it is not of the form `id.secret.hash` */
export function parseJoinToken(text: string): JoinToken | undefined {
  const [, bearer, authority] = form.exec(text.trim()) ?? []
  return bearer && authority ? { bearer, authority } : undefined
}

/** The token as it is handed to whoever sets up a host. */
export function formatJoinToken({ bearer, authority }: JoinToken): string {
  return `${bearer}.${authority}`
}

/** What stands for an authority in a token: the hash that `kubeadm` shows as `sha256:…`. @throws {Error} when it is no certificate */
export function authorityHash(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('hex')
}

/** Whether a certificate is that of the authority which the token names. */
export function isAuthority(pem: string, token: JoinToken): boolean {
  try {
    return timingSafeEqual(Buffer.from(authorityHash(pem), 'hex'), Buffer.from(token.authority, 'hex'))
  } catch {
    return false
  }
}
