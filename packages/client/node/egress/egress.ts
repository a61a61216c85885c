import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { egressTable, type EgressRules, type EgressTable } from './egress-rules.ts'
import { parseIp } from './ip-number.ts'

/** The setting that opens and closes ranges, as messages name it. */
const settingName = 'outbound-ranges'

/** An address that may not be connected to on somebody's behalf. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
}

/** Resolves a name to all of its addresses, as `dns.lookup` does. */
export type Resolve = (
  name: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * Where this host connects to when somebody else named the URL.
 *
 * What counts is the address that the connection is made to, not how it is written: a name is resolved once, its addresses are
 * looked at, and the connection goes to one of those that were, so that a name cannot change its meaning between. Give
 * {@link Egress.requestOptions} to every `http(s).request` of such a URL, anew for each redirect.
 */
export class Egress {
  readonly #table: EgressTable
  readonly #resolve: Resolve

  /**
   * @param rules of the cluster's setting
   * @param own this host's own addresses, asked for now
   */
  constructor(rules: EgressRules, own: readonly string[] = hostAddresses(), resolver: Resolve = resolve as Resolve) {
    this.#table = egressTable(rules, own)
    this.#resolve = resolver
  }

  /**
   * What Node's `request` needs for this URL.
   *
   * @throws {EgressError} when its host is an address that is closed. A name is looked at when it is resolved, by `lookup`, whose
   *   error the request then gives
   */
  requestOptions(url: string | URL): { lookup: LookupFunction } {
    // The parser has brought decimal, octal, hexadecimal and short forms into the usual one.
    const { hostname } = new URL(url)
    if (parseIp(hostname)) {
      const refusal = this.#table.refusal(hostname)
      if (refusal) throw closedError(hostname, [[hostname, refusal]])
    }
    return { lookup: (name, options, callback) => this.#lookup(name, options, callback) }
  }

  #lookup(name: string, options: LookupOptions, callback: Parameters<LookupFunction>[2]): void {
    this.#resolve(name, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const open = found.filter(({ address }) => !this.#table.refusal(address))
      const [first] = open
      if (!first) {
        const refused = found.map(({ address }) => [address, this.#table.refusal(address) ?? ''] as const)
        return callback(closedError(name, refused), '')
      }
      if (options.all) callback(null, open)
      else callback(null, first.address, first.family)
    })
  }
}

function closedError(host: string, refused: readonly (readonly [address: string, what: string])[]): EgressError {
  const [address = '', what = 'nothing'] = refused[0] ?? []
  const is = address === host ? `${host} is ${what}` : `${host} is at ${address || 'no address'}, which is ${what}`
  return new EgressError(
    `${is}: nothing is fetched from there; use another address, or let an administrator open it in the setting ${settingName}`,
  )
}

/** The addresses of this host's own interfaces, but for the loopback's. */
export function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return all.filter(({ internal }) => !internal).map(({ address }) => address)
}
