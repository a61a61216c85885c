import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { ApiError, isReason } from '@thresher/api/error'
import type { Token } from '@thresher/api/auth/token'
import type { User as LocalUser } from '@thresher/api/auth/user'
import type { Authenticator, Credentials, User } from '../../user.ts'
import { bearerToken } from '../authenticate.ts'
import type { Objects, ResourceType } from '../objects.ts'
import { sessionCookie } from './session-cookie.ts'

export const users: ResourceType = { group: 'auth.thresher.io', plural: 'users' }
export const tokens: ResourceType = { group: 'auth.thresher.io', plural: 'tokens' }

const tokenForm = /^(token-[a-z0-9]{1,50}):([A-Za-z0-9_-]{20,100})$/

/** A token as its owner gets it, this once. */
export interface NewToken {
  /** `token-…:secret` */
  token: string
  name: string
  expiresAt?: string
}

/** Tokens of local users: random, kept as hashes. */
export class BearerTokens {
  readonly #objects: () => Objects
  readonly #now: () => number

  constructor(objects: () => Objects, now: () => number = Date.now) {
    this.#objects = objects
    this.#now = now
  }

  /** @param options.ttlMs without it the token does not end by itself */
  async create(user: LocalUser, options: { description: string; ttlMs?: number }): Promise<NewToken> {
    const secret = randomBytes(32).toString('base64url')
    const name = `token-${randomBytes(8).toString('hex')}`
    const expiresAt =
      options.ttlMs === undefined ? undefined : new Date(this.#now() + options.ttlMs).toISOString().replace(/\.\d+/, '')
    await this.#objects().create<Token>(tokens, {
      apiVersion: 'auth.thresher.io/v1',
      kind: 'Token',
      metadata: { name },
      spec: {
        userName: user.metadata.name ?? '',
        userUid: user.metadata.uid ?? '',
        description: options.description,
        ...(expiresAt ? { expiresAt } : {}),
        secretHash: hash(secret),
      },
    })
    return { token: `${name}:${secret}`, name, ...(expiresAt ? { expiresAt } : {}) }
  }

  /** The token's object and its user, if the token is good now. */
  find(token: string): { object: Token; user: LocalUser } | undefined {
    const [, name, secret] = tokenForm.exec(token) ?? []
    if (!name || !secret) return undefined
    const object = this.#objects().get<Token>(tokens, '', name)
    if (!object || object.metadata.deletionTimestamp) return undefined
    const { secretHash, expiresAt, userName, userUid } = object.spec
    if (!timingSafeEqual(Buffer.from(secretHash, 'hex'), Buffer.from(hash(secret), 'hex'))) return undefined
    if (expiresAt !== undefined && !(Date.parse(expiresAt) > this.#now())) return undefined
    const user = this.#objects().get<LocalUser>(users, '', userName)
    if (!user || user.metadata.uid !== userUid || user.metadata.deletionTimestamp || user.spec?.disabled)
      return undefined
    const { tokensValidAfter } = user.spec ?? {}
    const madeAt = Date.parse(object.metadata.creationTimestamp ?? '')
    if (tokensValidAfter !== undefined && !(madeAt >= Date.parse(tokensValidAfter))) return undefined
    return { object, user }
  }

  /** End a token; nothing happens when it is not a good one. */
  async revoke(token: string): Promise<void> {
    const found = this.find(token)
    if (found) await this.#delete(found.object)
  }

  /** End all tokens of a user, but the one with this name. */
  async revokeAll(userName: string, exceptName?: string): Promise<void> {
    const own = [...this.#objects().list<Token>(tokens)].filter(
      (token) => token.spec.userName === userName && token.metadata.name !== exceptName,
    )
    for (const token of own) await this.#delete(token)
  }

  /** End a user's oldest tokens with this description beyond the newest `keep`, so that logins without logout do not pile up. */
  async trim(userName: string, description: string, keep: number): Promise<void> {
    const own = [...this.#objects().list<Token>(tokens)]
      .filter(({ spec }) => spec.userName === userName && spec.description === description)
      .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))
    for (const token of own.slice(keep)) await this.#delete(token)
  }

  /** Delete the tokens that have ended, and those of users that are gone. */
  async sweep(): Promise<void> {
    const over = [...this.#objects().list<Token>(tokens)].filter(({ spec }) => {
      if (spec.expiresAt !== undefined && !(Date.parse(spec.expiresAt) > this.#now())) return true
      return this.#objects().get(users, '', spec.userName)?.metadata.uid !== spec.userUid
    })
    for (const token of over) await this.#delete(token)
  }

  async #delete(token: Token): Promise<void> {
    try {
      await this.#objects().delete(tokens, '', token.metadata.name ?? '')
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
  }
}

/** The user, with groups, that a local user is for authorization. */
function asRequestUser(user: LocalUser): User {
  return {
    name: user.metadata.name ?? '',
    uid: user.metadata.uid,
    groups: [...(user.spec?.groups ?? []).filter((group) => !group.startsWith('system:')), 'thresher:local-users'],
  }
}

/** Local users by bearer token, or by the cookie of a session in a browser. */
export class BearerTokenAuthenticator implements Authenticator {
  readonly #tokens: BearerTokens

  constructor(bearerTokens: BearerTokens) {
    this.#tokens = bearerTokens
  }

  authenticate(credentials: Credentials): User | undefined {
    const token = bearerToken(credentials) ?? sessionCookie(credentials)
    if (!token) return undefined
    const found = this.#tokens.find(token)
    if (found)
      return {
        ...asRequestUser(found.user),
        extra: { 'authentication.kubernetes.io/credential-id': [`TOKEN=${found.object.metadata.name}`] },
      }
    if (tokenForm.test(token)) throw new ApiError('Unauthorized', 'Unauthorized')
    return undefined
  }
}

const hash = (secret: string): string => createHash('sha256').update(secret).digest('hex')
