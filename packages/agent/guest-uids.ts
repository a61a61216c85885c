import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The numbers, of users and of groups, that belong to guests on this host and to nobody else. */
export interface GuestUids {
  first: number
  count: number
}

/**
 * Above what systemd, container engines and subordinate users take, below 2^31.
 *
 * @see systemd's UIDS-GIDS, "Unused" from 1879048192
 */
export const defaultGuestUids = '1900000000-1900065535'

/** Fewer would be tried through by somebody who waits for a number to come again. */
const fewest = 1024

/** Read a range such as `1900000000-1900065535`. @throws {RangeError} with what it must be */
export function parseGuestUids(text: string): GuestUids {
  const [, from, to] = /^(\d{1,10})-(\d{1,10})$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  // setpriv(1) and the kernel take less than 2^32 - 1; programs that keep the number signed, less than 2^31.
  if (!(first >= 1000 && last < 2 ** 31 && last - first + 1 >= fewest))
    throw new RangeError(
      `${JSON.stringify(text)} must be two numbers such as ${defaultGuestUids}, from 1000 to 2147483647 and at least ${fewest} apart`,
    )
  return { first, count: last - first + 1 }
}

/** Whether a number is one of the guests'. */
export function isGuestUid({ first, count }: GuestUids, id: number): boolean {
  return id >= first && id < first + count
}

/**
 * A number for a new run: that of QEMU's user and of its own group. Chosen at random, so that what an earlier user of the number
 * may have left somewhere does not fall to the next.
 *
 * @param isTaken whether somebody has that number now
 * @throws {Error} when none is free
 */
export function freeUid({ first, count }: GuestUids, isTaken: (id: number) => boolean): number {
  return pick(first, Math.ceil(count / 2), isTaken)
}

/** A number for the group of those that share a volume; never a run's. @throws {Error} when none is free */
export function freeGroup({ first, count }: GuestUids, isTaken: (id: number) => boolean): number {
  const runs = Math.ceil(count / 2)
  return pick(first + runs, count - runs, isTaken)
}

/** Whether a number is that of a shared volume's group. */
export function isVolumeGroup(uids: GuestUids, id: number): boolean {
  return isGuestUid(uids, id) && id >= uids.first + Math.ceil(uids.count / 2)
}

function pick(first: number, count: number, isTaken: (id: number) => boolean): number {
  const offset = randomInt(count)
  for (let tries = 0; tries < count; tries++) {
    const id = first + ((offset + tries) % count)
    if (!isTaken(id)) return id
  }
  throw new Error('no number for another guest is free on this host; give the agent a wider range by --guest-uids')
}

/** The host's tables of users and of numbers, as their files' texts. */
export interface IdTables {
  /** `/etc/passwd` and `/etc/group`: `name:x:number:…` */
  names: string[]
  /** `/etc/subuid` and `/etc/subgid`: `name:first:count` */
  ranges: string[]
  /** `/proc/self/uid_map` and `gid_map`: `first outside count` */
  maps: string[]
}

/** Who else has numbers of the range, or why it cannot be used, as a sentence; undefined when it is free. Pure. */
export function guestUidConflict(uids: GuestUids, { names, ranges, maps }: IdTables): string | undefined {
  const end = uids.first + uids.count
  const text = `the guests' numbers ${uids.first}-${end - 1}`
  const remedy = 'choose other numbers by --guest-uids'
  for (const line of names.flatMap((table) => table.split('\n'))) {
    const [name, , id] = line.split(':')
    if (id && isGuestUid(uids, Number(id))) return `${text} include that of ${name}; ${remedy}`
  }
  for (const line of ranges.flatMap((table) => table.split('\n'))) {
    const [name, first, count] = line.split(':')
    if (first && count && Number(first) < end && Number(first) + Number(count) > uids.first)
      return `${text} overlap those that belong to ${name} in /etc/subuid or /etc/subgid; ${remedy}`
  }
  const isMapped = (map: string): boolean =>
    map.split('\n').some((line) => {
      const [first, , count] = line.trim().split(/\s+/).map(Number)
      return count !== undefined && first! <= uids.first && first! + count >= end
    })
  return maps.every(isMapped) ? undefined : `${text} do not exist in this container; ${remedy}, or map them`
}

/** The tables of this host. */
export function readIdTables(): IdTables {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  return {
    names: ['/etc/passwd', '/etc/group'].map(read),
    ranges: ['/etc/subuid', '/etc/subgid'].map(read),
    maps: ['/proc/self/uid_map', '/proc/self/gid_map'].map(read),
  }
}
