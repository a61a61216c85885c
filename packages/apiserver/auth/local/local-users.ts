import { ApiError, isReason } from '@thresher/api/error'
import type { User as LocalUser } from '@thresher/api/auth/user'
import type { Objects } from '../objects.ts'
import { rbacGroup, type BindingObject } from '../rbac/rbac-index.ts'
import { users, type BearerTokens, type NewToken } from './bearer-tokens.ts'
import type { GuessLimiter } from './guess-limiter.ts'
import { newPassword, passwordFault, type PasswordHasher } from './password.ts'

/** The group of administrators among the local users; bound to cluster-admin. */
const administratorsGroup = 'thresher:administrators'
const firstAdmin = 'admin'
const sessionMs = 16 * 3600 * 1000
const sessionsPerUser = 200

/** A login. */
export interface Session extends NewToken {
  user: LocalUser
  expiresAt: string
}

/** Whom a new cluster has as its one user. */
export interface FirstAdministrator {
  name: string
  password: string
}

/** People who log in with a password. */
export class LocalUsers {
  readonly #objects: () => Objects
  readonly #tokens: BearerTokens
  readonly #hasher: PasswordHasher
  readonly #guesses: GuessLimiter

  constructor(parts: { objects: () => Objects; tokens: BearerTokens; hasher: PasswordHasher; guesses: GuessLimiter }) {
    this.#objects = parts.objects
    this.#tokens = parts.tokens
    this.#hasher = parts.hasher
    this.#guesses = parts.guesses
  }

  /**
   * Log in.
   *
   * @param address whence the request came, for slowing down guessers
   * @throws {ApiError} Unauthorized, the same for an unknown user and a wrong password; TooManyRequests with `retryAfterSeconds` after many failures
   */
  async login(
    userName: string,
    password: string,
    address: string,
    options: { description?: string; ttlMs?: number } = {},
  ): Promise<Session> {
    const user = await this.#check(userName, password, address)
    await this.#tokens.sweep()
    await this.#tokens.trim(userName, options.description ?? 'login', sessionsPerUser - 1)
    const ttlMs = Math.min(options.ttlMs ?? sessionMs, sessionMs)
    const made = await this.#tokens.create(user, { description: options.description ?? 'login', ttlMs })
    return { ...made, user, expiresAt: made.expiresAt ?? '' }
  }

  /** End a session. */
  async logout(token: string): Promise<void> {
    await this.#tokens.revoke(token)
  }

  /**
   * Give a user a new password; all his other sessions and tokens end.
   *
   * @param keepToken the name of the token with which he is logged in now
   * @throws {ApiError} as {@link login}; Invalid for a password that is too weak
   */
  async changePassword(
    userName: string,
    current: string,
    next: string,
    address: string,
    keepToken?: string,
  ): Promise<void> {
    const user = await this.#check(userName, current, address)
    const fault =
      passwordFault(next, userName) ?? (next === current ? 'the new password must differ from the old one' : undefined)
    if (fault) throw invalidPassword(userName, fault)
    await this.#setPassword(user, next)
    await this.#tokens.revokeAll(userName, keepToken)
  }

  /** Give a user a new password without knowing the old one: for an administrator on the host. @returns the password */
  async resetPassword(userName: string, password = newPassword()): Promise<string> {
    const user = this.#objects().get<LocalUser>(users, '', userName)
    if (!user) throw new ApiError('NotFound', `there is no local user ${JSON.stringify(userName)}`)
    const fault = passwordFault(password, userName)
    if (fault) throw invalidPassword(userName, fault)
    await this.#setPassword(user, password)
    await this.#tokens.revokeAll(userName)
    return password
  }

  /**
   * Make the first administrator, unless there is any user already.
   *
   * @param keep takes name and password before the user is made, so that a crash in between loses nothing
   * @returns his name and password, which nobody can find out later; undefined when there was nothing to do
   */
  async ensureFirstAdministrator(
    keep: (first: FirstAdministrator) => Promise<void> = async () => undefined,
  ): Promise<FirstAdministrator | undefined> {
    const objects = this.#objects()
    const binding: BindingObject = {
      apiVersion: `${rbacGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: administratorsGroup },
      roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: rbacGroup, kind: 'Group', name: administratorsGroup }],
    }
    const bindings = { group: rbacGroup, plural: 'clusterrolebindings' }
    if ([...objects.list(users)].length > 0) return undefined
    const password = newPassword()
    await keep({ name: firstAdmin, password })
    const user: LocalUser = {
      apiVersion: 'auth.thresher.io/v1',
      kind: 'User',
      metadata: { name: firstAdmin },
      spec: {
        displayName: 'Administrator',
        groups: [administratorsGroup],
        passwordHash: await this.#hasher.hash(password),
      },
    }
    try {
      if (!objects.get(bindings, '', administratorsGroup)) await objects.create(bindings, binding)
      await objects.create(users, user)
    } catch (error) {
      if (isReason(error, 'AlreadyExists')) return undefined
      throw error
    }
    return { name: firstAdmin, password }
  }

  async #check(userName: string, password: string, address: string): Promise<LocalUser> {
    if (typeof userName !== 'string' || typeof password !== 'string' || userName.length > 253 || password.length > 256)
      throw unauthorized()
    const waitMs = this.#guesses.waitMs(userName, address)
    if (waitMs > 0) throw slowDown(waitMs)
    this.#guesses.tried(userName, address)
    const user = this.#objects().get<LocalUser>(users, '', userName)
    const right = await this.#hasher.verify(password, user?.spec?.passwordHash)
    if (!right || !user || user.spec?.disabled || user.metadata.deletionTimestamp) throw unauthorized()
    this.#guesses.succeeded(userName, address)
    return user
  }

  async #setPassword(user: LocalUser, password: string): Promise<void> {
    const { password: _plain, mustChangePassword: _must, ...spec } = user.spec ?? {}
    await this.#objects().update<LocalUser>(users, {
      ...user,
      spec: { ...spec, passwordHash: await this.#hasher.hash(password) },
    })
  }
}

function unauthorized(): ApiError {
  return new ApiError('Unauthorized', 'user name or password is wrong')
}

function slowDown(waitMs: number): ApiError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  return new ApiError('TooManyRequests', `too many failed logins; try again in ${retryAfterSeconds} s`, {
    details: { retryAfterSeconds },
  })
}

function invalidPassword(userName: string, fault: string): ApiError {
  return new ApiError(
    'Invalid',
    `User.auth.thresher.io ${JSON.stringify(userName)} is invalid: spec.password: ${fault}`,
    {
      details: {
        name: userName,
        group: 'auth.thresher.io',
        kind: 'User',
        causes: [{ reason: 'FieldValueInvalid', message: fault, field: 'spec.password' }],
      },
    },
  )
}
