import { parseBytes } from '../quantity.ts'
import type { Domain } from './domain.ts'

/** Bytes of memory that are taken from a limit for the machine itself: `harvesterhci.io/reservedMemory`. */
export const reservedMemoryAnnotation = 'harvesterhci.io/reservedMemory'

/** The least memory of a guest, in bytes. */
export const minGuestMemoryBytes = 10 * 1024 * 1024

/**
 * The memory that the guest sees: `memory.guest`, else the memory limit less the reserved part, else the request.
 *
 * @returns bytes; undefined when nothing says how much
 * @throws {RangeError} when an amount is no quantity
 */
export function guestMemoryBytes(domain: Domain, annotations: Record<string, string> = {}): number | undefined {
  if (domain.memory?.guest !== undefined) return parseBytes(domain.memory.guest)
  const limit = domain.resources?.limits?.memory
  const reserved = annotations[reservedMemoryAnnotation]
  if (limit !== undefined) return parseBytes(limit) - (reserved ? parseBytes(reserved) : 0)
  const request = domain.resources?.requests?.memory
  return request === undefined ? undefined : parseBytes(request)
}

/** The number of virtual CPUs of a guest; sockets, cores and threads count as 1 where not given. */
export function guestCpus(domain: Domain): number {
  const { sockets = 1, cores = 1, threads = 1 } = domain.cpu ?? {}
  return (sockets || 1) * (cores || 1) * (threads || 1)
}
