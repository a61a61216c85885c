import { watch, type FSWatcher } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { basename, dirname } from 'node:path'

/** The name servers that a resolv.conf lists, in its order. @see resolv.conf(5) */
export function nameServers(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [keyword, address = ''] = line.trim().split(/\s+/)
    return keyword === 'nameserver' && (isIPv4(address) || isIPv6(address.split('%')[0]!)) ? [address] : []
  })
}

/** How the guests' questions reach the host's name servers. */
export type DnsRoute = { mode: 'direct' | 'forwarded' | 'none'; servers: string[] }

/**
 * Packets can be sent on to an IPv4 server as they are, also while no agent runs. A server on a loopback address, or one
 * that only has IPv6, is out of a guest's reach: then the agent asks in the guest's place.
 */
export function chooseDns(servers: readonly string[]): DnsRoute {
  const reachable = servers.filter((server) => isIPv4(server) && !server.startsWith('127.') && server !== '0.0.0.0')
  if (reachable.length > 0) return { mode: 'direct', servers: reachable }
  return servers.length > 0 ? { mode: 'forwarded', servers: [...servers] } : { mode: 'none', servers: [] }
}

/** The files that tell the host's servers. systemd-resolved lists the ones behind its own loopback address in the second. */
export const resolverFiles = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']

/** Follows the host's name servers. */
export class Resolver {
  readonly #files: readonly string[]
  readonly #watchers: FSWatcher[] = []
  #route: DnsRoute = { mode: 'none', servers: [] }
  #pending: NodeJS.Timeout | undefined

  constructor(files: readonly string[] = resolverFiles) {
    this.#files = files
  }

  get route(): DnsRoute {
    return this.#route
  }

  /** Read the files now: the first that names a server which guests can reach, else the first that names any. */
  async read(): Promise<DnsRoute> {
    const routes: DnsRoute[] = []
    for (const file of this.#files) routes.push(chooseDns(nameServers(await readFile(file, 'utf8').catch(() => ''))))
    this.#route = routes.find((route) => route.mode === 'direct') ??
      routes.find((route) => route.mode === 'forwarded') ?? { mode: 'none', servers: [] }
    return this.#route
  }

  /** Call `changed` whenever the servers are different from before. */
  async watch(changed: (route: DnsRoute) => void): Promise<void> {
    const check = async () => {
      const before = JSON.stringify(this.#route)
      const route = await this.read()
      if (JSON.stringify(route) !== before) changed(route)
    }
    const names = new Set(this.#files.map((file) => basename(file)))
    const folders = new Set<string>()
    for (const file of this.#files) {
      folders.add(dirname(file))
      const real = await realpath(file).catch(() => undefined)
      if (real === undefined) continue
      folders.add(dirname(real))
      names.add(basename(real))
    }
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          if (name !== null && !names.has(name)) return
          clearTimeout(this.#pending)
          this.#pending = setTimeout(() => void check().catch(() => {}), 100)
        })
        watcher.on('error', () => watcher.close())
        this.#watchers.push(watcher)
      } catch {
        // A folder that is not there (no systemd-resolved) has nothing to tell.
      }
    }
    // It may have changed between the last reading and now.
    await check()
  }

  close(): void {
    clearTimeout(this.#pending)
    for (const watcher of this.#watchers.splice(0)) watcher.close()
  }
}
