import { ApiError } from '@thresher/api/error'
import type { Authenticator, Credentials, User } from '../../user.ts'
import { bearerToken } from '../authenticate.ts'
import type { TokenIssuer } from './token-issuer.ts'

/** Service accounts by their signed tokens. */
export class ServiceAccountAuthenticator implements Authenticator {
  readonly #issuer: TokenIssuer

  constructor(issuer: TokenIssuer) {
    this.#issuer = issuer
  }

  authenticate(credentials: Credentials): User | undefined {
    const token = bearerToken(credentials)
    if (!token || token.split('.').length !== 3) return undefined
    try {
      return this.#issuer.verify(token)?.user
    } catch (error) {
      // The caller is told no more than that it is refused.
      if (error instanceof ApiError) throw new ApiError('Unauthorized', 'Unauthorized', { cause: error })
      throw error
    }
  }
}
