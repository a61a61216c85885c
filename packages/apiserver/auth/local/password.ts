import { randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto'
import { ApiError } from '@thresher/api/error'

/** 32 MiB and some 80 ms for each guess. @see RFC 7914 */
const cost = { N: 2 ** 15, r: 8, p: 1 }
const maxmem = 64 * 1024 * 1024
const keyBytes = 32
/** Hashes that run or wait at once; more would let guessers take the machine's memory. */
const runningLimit = 2
const waitingLimit = 32

/** Hashes and checks passwords, a few at a time. */
export class PasswordHasher {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** A salted hash with its parameters: `scrypt$N$r$p$salt$hash`. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16)
    const key = await this.#derive(password, salt, cost)
    return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), key.toString('base64')].join('$')
  }

  /**
   * Whether the password has this hash. Takes as long when there is no hash, so that the time does not tell which users exist.
   *
   * @throws {ApiError} TooManyRequests when too many wait already
   */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const [scheme, N, r, p, salt = '', key = ''] = hash?.split('$') ?? []
    if (scheme !== 'scrypt') {
      await this.#derive(password, Buffer.alloc(16), cost)
      return false
    }
    const wanted = Buffer.from(key, 'base64')
    const parameters = { N: Number(N), r: Number(r), p: Number(p) }
    const found = await this.#derive(password, Buffer.from(salt, 'base64'), parameters)
    return wanted.length === found.length && timingSafeEqual(wanted, found)
  }

  async #derive(password: string, salt: Uint8Array, parameters: typeof cost): Promise<Buffer> {
    if (this.#running >= runningLimit) {
      if (this.#waiting.length >= waitingLimit)
        throw new ApiError('TooManyRequests', 'too many logins at once; try again in a few seconds', {
          details: { retryAfterSeconds: 5 },
        })
      await new Promise<void>((resume) => this.#waiting.push(resume))
    } else this.#running += 1
    try {
      return await new Promise<Buffer>((resolve, reject) =>
        scrypt(password.normalize('NFKC'), salt, keyBytes, { ...parameters, maxmem }, (error, key) =>
          error ? reject(error) : resolve(key),
        ),
      )
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running -= 1
    }
  }
}

const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** A password of 20 characters that are not mistaken for one another: about 116 bits. */
export function newPassword(): string {
  return Array.from({ length: 20 }, () => letters[randomInt(letters.length)]).join('')
}

/** What is wrong with a password that someone wants to have; undefined when nothing is. */
export function passwordFault(password: string, userName: string): string | undefined {
  if (password.length < 12) return 'the password needs at least 12 characters'
  if (password.length > 256) return 'the password may have at most 256 characters'
  if (password.toLowerCase() === userName.toLowerCase()) return 'the password must differ from the user name'
  if (new Set(password).size < 4) return 'the password needs at least four different characters'
  return undefined
}
