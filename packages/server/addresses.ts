import { hostname, networkInterfaces } from 'node:os'

/** This host's own addresses, without loopback and link-local ones. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((one) => !one.internal && !one.address.startsWith('fe80:'))
    .map((one) => one.address)
}

/** The address under which this host's programs reach a server that listens on `host`. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
}

/** An address and a port as they stand in a URL. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The names of this host. */
export function hostNames(): string[] {
  const full = hostname().toLowerCase()
  return [...new Set([full, full.split('.')[0]!])]
}
