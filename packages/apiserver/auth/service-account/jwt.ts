import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'

/** What a token says. */
export type Claims = Record<string, unknown>

type Algorithm = 'ES256' | 'RS256'

/** Tokens whose signature is remembered. */
const verifiedLimit = 1000

interface PublicKey {
  id: string
  algorithm: Algorithm
  key: KeyObject
}

/**
 * Signs and verifies JSON Web Tokens with the cluster's own keys.
 *
 * The algorithm belongs to the key, never to the token that is presented, so a token cannot choose a weaker one.
 *
 * @see RFC 7515, RFC 7518 §3
 */
export class TokenKeys {
  readonly #signing: KeyObject
  readonly #current: PublicKey
  readonly #accepted: Map<string, PublicKey>
  readonly #verified = new Map<string, Claims>()

  /** Keys as PEM: ECDSA P-256 or RSA. */
  constructor(keys: { signing: string; verifying: string[] }) {
    this.#signing = createPrivateKey(keys.signing)
    this.#current = publicKey(createPublicKey(keys.signing))
    this.#accepted = new Map(
      [this.#current, ...keys.verifying.map((pem) => publicKey(createPublicKey(pem)))].map((key) => [key.id, key]),
    )
  }

  sign(claims: Claims): string {
    const header = { alg: this.#current.algorithm, kid: this.#current.id }
    const text = `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims))}`
    const signature = sign('sha256', Buffer.from(text), { key: this.#signing, dsaEncoding: 'ieee-p1363' })
    return `${text}.${encode(signature)}`
  }

  /** The claims of a token that one of the accepted keys has signed; undefined for anything else. Time is not looked at. */
  verify(token: string): Claims | undefined {
    // Clients send the same token with every request; its signature stays as good as it was.
    const known = this.#verified.get(token)
    if (known) return known
    const claims = this.#check(token)
    if (!claims) return undefined
    if (this.#verified.size >= verifiedLimit) this.#verified.delete(this.#verified.keys().next().value ?? '')
    this.#verified.set(token, claims)
    return claims
  }

  #check(token: string): Claims | undefined {
    const parts = token.split('.')
    if (parts.length !== 3 || parts.some((part) => !/^[A-Za-z0-9_-]+$/.test(part))) return undefined
    const [headerPart = '', claimsPart = '', signaturePart = ''] = parts
    const header = parse(headerPart)
    if (!header || header.crit !== undefined) return undefined
    const keys = typeof header.kid === 'string' ? [this.#accepted.get(header.kid)] : [...this.#accepted.values()]
    const text = Buffer.from(`${headerPart}.${claimsPart}`)
    const signature = Buffer.from(signaturePart, 'base64url')
    for (const key of keys) {
      if (!key || key.algorithm !== header.alg) continue
      if (verify('sha256', text, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature)) return parse(claimsPart)
    }
    return undefined
  }

  /** The public keys as a JSON Web Key Set. */
  jwks(): { keys: Record<string, unknown>[] } {
    return {
      keys: [...this.#accepted.values()].map(({ id, algorithm, key }) => ({
        use: 'sig',
        ...key.export({ format: 'jwk' }),
        kid: id,
        alg: algorithm,
      })),
    }
  }

  algorithms(): Algorithm[] {
    return [...new Set([...this.#accepted.values()].map((key) => key.algorithm))]
  }
}

function publicKey(key: KeyObject): PublicKey {
  const bytes = key.export({ type: 'spki', format: 'der' })
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType !== 'rsa' && curve !== 'prime256v1')
    throw new Error('tokens are signed with ECDSA P-256 or RSA keys only')
  return {
    id: createHash('sha256').update(bytes).digest('base64url'),
    algorithm: key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256',
    key,
  }
}

const encode = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url')

function parse(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}
