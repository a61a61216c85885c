import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { UsageCounters } from '@thresher/api/metrics/usage'
import { ticksPerSecond } from '../compute/process-identity.ts'

/** Bytes that an interface has received and sent, as the host counts them. */
export interface InterfaceBytes {
  received: number
  sent: number
}

/** The kernel counts in sectors of this size, whatever the disk's is. @see Documentation/admin-guide/iostats.rst */
const sectorBytes = 512

/** What the whole host has used since it started. */
export function hostCounters(interfaces: ReadonlyMap<string, InterfaceBytes> = readInterfaces()): UsageCounters {
  const uplinks = uplinkNames()
  let networkReceive = 0
  let networkTransmit = 0
  for (const [name, { received, sent }] of interfaces) {
    if (!uplinks.has(name)) continue
    networkReceive += received
    networkTransmit += sent
  }
  return {
    cpu: busySeconds(readText('/proc/stat')),
    memory: usedBytes(readText('/proc/meminfo')),
    ...diskBytes(readText('/proc/diskstats'), isDisk),
    networkReceive,
    networkTransmit,
  }
}

/** Seconds in which processors did something, all together. @see proc(5), `/proc/stat` */
export function busySeconds(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? []
  return (user + nice + system + irq + softirq) / ticksPerSecond
}

/** Memory that is neither free nor easily freed. @see proc(5), `/proc/meminfo` */
export function usedBytes(meminfo: string): number {
  const kibibytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0)
  return (kibibytes('MemTotal') - kibibytes('MemAvailable')) * 1024
}

/** Bytes read from and written to the disks that `isDisk` names. */
export function diskBytes(
  diskstats: string,
  isDisk: (name: string) => boolean,
): Pick<UsageCounters, 'diskRead' | 'diskWrite'> {
  let diskRead = 0
  let diskWrite = 0
  for (const line of diskstats.split('\n')) {
    const [, , name = '', , , sectorsRead, , , , sectorsWritten] = line.trim().split(/ +/)
    if (name === '' || !isDisk(name)) continue
    diskRead += Number(sectorsRead) * sectorBytes
    diskWrite += Number(sectorsWritten) * sectorBytes
  }
  return { diskRead, diskWrite }
}

/** What each interface has carried. @see proc(5), `/proc/net/dev` */
export function readInterfaces(text: string = readText('/proc/net/dev')): Map<string, InterfaceBytes> {
  const found = new Map<string, InterfaceBytes>()
  for (const line of text.split('\n').slice(2)) {
    const [name, counted] = line.split(':')
    const fields = counted?.trim().split(/ +/).map(Number)
    if (name && fields) found.set(name.trim(), { received: fields[0] ?? 0, sent: fields[8] ?? 0 })
  }
  return found
}

/** A disk of the host itself: partitions would be counted twice, and so would what lies on other disks (loops, mappings, arrays). */
function isDisk(name: string): boolean {
  return existsSync(`/sys/block/${name}/device`)
}

/** The interfaces that lead out of the host: network cards, and whatever has the default route. */
function uplinkNames(): Set<string> {
  const cards = names('/sys/class/net').filter((name) => existsSync(`/sys/class/net/${name}/device`))
  const routes = readText('/proc/net/route')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .flatMap(([name, destination]) => (name && destination === '00000000' ? [name] : []))
  return new Set([...cards, ...routes])
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
