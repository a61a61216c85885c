import type { TokenIssuer } from './token-issuer.ts'

/** The paths of the documents by which others check our tokens, each with its content type. */
export const issuerPaths = {
  configuration: { path: '/.well-known/openid-configuration', contentType: 'application/json' },
  keys: { path: '/openid/v1/jwks', contentType: 'application/jwk-set+json' },
} as const

/** What `/.well-known/openid-configuration` answers. @see OpenID Connect Discovery 1.0 §3 */
export function issuerConfiguration(issuer: TokenIssuer, serverUrl: string): Record<string, unknown> {
  return {
    issuer: issuer.issuer,
    jwks_uri: new URL(issuerPaths.keys.path, serverUrl).href,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: issuer.keys.algorithms(),
  }
}
