import { isIPv6 } from 'node:net'

/** How failures under one key slow down the next try. */
interface Rule {
  /** Failures that cost nothing. */
  free: number
  /** The longest wait. */
  longestMs: number
}

interface Record {
  failures: number
  until: number
  last: number
}

/**
 * One user from one address is slowed down soon and for long; an address that tries many users, later. A user who is
 * tried from many addresses is slowed down only a little, or anyone could lock him out.
 */
const rules = {
  pair: { free: 5, longestMs: 15 * 60_000 },
  address: { free: 30, longestMs: 15 * 60_000 },
  user: { free: 50, longestMs: 10_000 },
} satisfies { [key: string]: Rule }
const forgetMs = 30 * 60_000
const recordLimit = 20_000

/** Slows down guessing of passwords: after some free tries the wait doubles with every failure. */
export class GuessLimiter {
  readonly #records = new Map<string, Record>()
  readonly #now: () => number

  /** @param now milliseconds of a clock that nobody sets, or whoever must wait would wait for the old time to come again */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** How long this user must wait from this address before the next try, in milliseconds; 0 when he may try. */
  waitMs(user: string, address: string): number {
    const now = this.#now()
    return Math.max(0, ...this.#keys(user, address).map(([key]) => (this.#records.get(key)?.until ?? 0) - now))
  }

  /**
   * Count a try before its outcome is known, so that tries at the same time count too. Take it back with {@link succeeded}.
   */
  tried(user: string, address: string): void {
    const now = this.#now()
    for (const [key, rule] of this.#keys(user, address)) {
      const old = this.#records.get(key)
      const failures = (old && now - old.last < forgetMs ? old.failures : 0) + 1
      const over = failures - rule.free
      const waitMs = over < 0 ? 0 : Math.min(1000 * 2 ** Math.min(over, 20), rule.longestMs)
      this.#records.delete(key)
      this.#records.set(key, { failures, until: now + waitMs, last: now })
    }
    this.#trim(now)
  }

  /** The password was right: the user's own failures are forgotten, the address keeps those with other users. */
  succeeded(user: string, address: string): void {
    const keys = this.#keys(user, address)
    for (const [key] of keys.filter(([name]) => name.startsWith('p'))) this.#records.delete(key)
    for (const [key, rule] of keys.filter(([name]) => !name.startsWith('p'))) {
      const record = this.#records.get(key)
      if (!record) continue
      record.failures -= 1
      if (record.failures <= rule.free) record.until = 0
    }
  }

  #keys(user: string, address: string): [string, Rule][] {
    const from = network(address)
    return [
      [`p ${user} ${from}`, rules.pair],
      [`a ${from}`, rules.address],
      [`u ${user}`, rules.user],
    ]
  }

  #trim(now: number): void {
    for (const [key, record] of this.#records) {
      if (this.#records.size <= recordLimit && now - record.last < forgetMs) return
      this.#records.delete(key)
    }
  }
}

/** An IPv6 client chooses freely among the addresses of its /64 network, so these count as one. */
export function network(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const left = head.split(':').filter((group) => group !== '')
  const right = (tail ?? '').split(':').filter((group) => group !== '')
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
