import type { ManagementNetwork } from '@thresher/api/management-network'
import type { Operation } from '@thresher/ovsdb/schema'
import type { Commands } from './commands.ts'
import { planTap } from './host-plan.ts'
import type { HostSwitch } from './host-switch.ts'
import { tapName, type Names } from './names.ts'
import { NetworkError, type NicId, type NicRequest } from './network-driver.ts'
import type { NetworkFault } from './network-part.ts'
import { planPort, planRemoval, type SwitchPort } from './switch-plan.ts'

export interface PortsOptions {
  commands: Commands
  names: Names
  network: ManagementNetwork
  hostSwitch: HostSwitch
  /** The names of all interfaces of the host. */
  interfaces: () => Promise<string[]>
}

/** The guests' taps on this host, and their ports on its switch. */
export class Ports {
  readonly #options: PortsOptions
  /** The ports that should be on the switch, by their taps. */
  readonly #wanted = new Map<string, SwitchPort>()
  /** Taps that are being plugged, which are not there yet and not left over either. */
  readonly #making = new Set<string>()

  constructor(options: PortsOptions) {
    this.#options = options
  }

  /** Make the tap and put it on the switch. */
  async plug(request: NicRequest, signal?: AbortSignal): Promise<{ ifname: string; mtu: number }> {
    const { names, network, hostSwitch } = this.#options
    const ifname = tapName(names, request)
    const mtu = request.mtu ?? network.mtu
    const { database } = hostSwitch
    const neighbour = request.address
      ? { address: request.address, mac: request.mac, gateway: names.gateway }
      : undefined
    const port = { ifname, port: request.port, mac: request.mac, owner: request.vmi }
    const row = () => database.find('Interface', 'name', ifname)
    this.#making.add(ifname)
    try {
      // The switch sets an interface's flags without regard to others who do, so it must not see the tap before it is ready.
      if (row()?.error !== undefined) await this.remove([ifname])
      await this.#makeTap(planTap({ ifname, owner: request.owner, mtu, neighbour }), ifname)
      await database.transact(planPort(row(), names.bridge, port), signal)
      this.#wanted.set(ifname, port)
    } finally {
      this.#making.delete(ifname)
    }
    return { ifname, mtu }
  }

  /** Resolves when the switch forwards for this NIC. */
  async ready(nic: NicId, signal?: AbortSignal): Promise<void> {
    const { names, hostSwitch } = this.#options
    const { database } = hostSwitch
    const ifname = tapName(names, nic)
    const isInstalled = () => database.find('Interface', 'name', ifname)?.external_ids['ovn-installed'] === 'true'
    await database.until(() => isInstalled() || undefined, signal)
  }

  async unplug(nic: NicId): Promise<void> {
    const ifname = tapName(this.#options.names, nic)
    this.#wanted.delete(ifname)
    await this.remove([ifname])
  }

  /** The logical ports on this host. */
  list(): string[] {
    const { names, hostSwitch } = this.#options
    if (!hostSwitch.connected) return []
    return [...hostSwitch.database.rows('Interface').values()].flatMap((one) =>
      one.name.startsWith(names.tapPrefix) ? [one.external_ids['iface-id'] ?? ''] : [],
    )
  }

  /**
   * Remove taps and ports that are not to stay. A port without its tap is what a restart of the host leaves.
   *
   * @returns the interface names that were removed
   */
  async sweep(stays: (ifname: string, exists: boolean) => boolean): Promise<string[]> {
    const { names, hostSwitch, interfaces } = this.#options
    const existing = new Set(await interfaces())
    const ports = [...hostSwitch.database.rows('Port').values()].map((port) => port.name)
    const gone = [...new Set([...ports, ...existing])].filter(
      (ifname) => ifname.startsWith(names.tapPrefix) && !stays(ifname, existing.has(ifname)),
    )
    await this.remove(gone)
    return gone
  }

  /** From now on the ports of these taps, as they are on the switch, are those that should be. */
  keep(ifnames: Iterable<string>): void {
    const { database } = this.#options.hostSwitch
    for (const ifname of ifnames) {
      const ids = database.find('Interface', 'name', ifname)?.external_ids
      const { 'iface-id': port, 'attached-mac': mac, 'vm-id': owner } = ids ?? {}
      if (port && mac && owner && !this.#wanted.has(ifname)) this.#wanted.set(ifname, { ifname, port, mac, owner })
    }
  }

  /** What is wrong with the ports that should be there. @param links the host's interfaces, and whether they are up */
  faults(links: ReadonlyMap<string, boolean>): NetworkFault[] {
    const leftovers = this.#leftovers(links).map((ifname): NetworkFault => ({
      part: 'ports',
      name: ifname,
      message: `the port of the tap ${ifname} was left on the switch by a guest that has ended`,
      done: 'it was taken away',
    }))
    const wrong = [...this.#wanted.values()].flatMap((port): NetworkFault[] => {
      const { ifname, owner: vmi } = port
      const fault = (message: string): NetworkFault[] => [{ part: 'ports', name: ifname, vmi, message }]
      if (!links.has(ifname)) return fault(`the tap ${ifname} of the port ${port.port} is gone`)
      if (this.#missing(port).length > 0) return fault(`the port ${port.port} is not on the switch`)
      return links.get(ifname) ? [] : fault(`the tap ${ifname} of the port ${port.port} is down`)
    })
    return [...leftovers, ...wrong]
  }

  /** Taps that are gone but still on the switch, and nobody's: their guests ended while its database was away. */
  #leftovers(links: ReadonlyMap<string, boolean>): string[] {
    const { names, hostSwitch } = this.#options
    return [...hostSwitch.database.rows('Port').values()]
      .map(({ name }) => name)
      .filter((name) => name.startsWith(names.tapPrefix) && !links.has(name))
      .filter((name) => !this.#wanted.has(name) && !this.#making.has(name))
  }

  /** Put ports on the switch again and their taps up, and take away what is left over. A tap that is gone is lost to the QEMU that had it open. */
  async mend(links: ReadonlyMap<string, boolean>): Promise<void> {
    const { hostSwitch, commands } = this.#options
    await this.remove(this.#leftovers(links))
    const ports = [...this.#wanted.values()]
    await hostSwitch.database.transact(
      ports.flatMap((port) => this.#missing(port)),
      AbortSignal.timeout(10_000),
    )
    const input = ports.map(({ ifname }) => `link set dev ${ifname} up\n`).join('')
    await commands.run('ip', ['-force', '-batch', '-'], { input, mayFail: true })
  }

  #missing(port: SwitchPort): Operation[] {
    const { names, hostSwitch } = this.#options
    return planPort(hostSwitch.database.find('Interface', 'name', port.ifname), names.bridge, port)
  }

  /** Take interfaces off the switch and out of the kernel; those that are gone are fine. */
  async remove(ifnames: readonly string[]): Promise<void> {
    if (ifnames.length === 0) return
    const { names, hostSwitch } = this.#options
    // Before the start only the taps can go; their ports go at the start, being without taps then.
    if (!hostSwitch.connected) return await this.#deleteLinks(ifnames)
    const { database } = hostSwitch
    const ports = ifnames.flatMap((ifname) => database.find('Port', 'name', ifname)?._uuid ?? [])
    await Promise.all([database.transact(planRemoval(names.bridge, ports)), this.#deleteLinks(ifnames)])
  }

  /** Remove what may be left in the kernel after the switch ended, or was killed. */
  async removeLinks(): Promise<void> {
    const { names, interfaces } = this.#options
    const { bridge, gateway, tapPrefix } = names
    const own = (name: string) => name === bridge || name === gateway || name.startsWith(tapPrefix)
    await this.#deleteLinks((await interfaces()).filter(own))
  }

  async #makeTap(lines: string[], ifname: string): Promise<void> {
    const result = await this.#options.commands.run('ip', ['-force', '-batch', '-'], {
      input: `${lines.join('\n')}\n`,
      mayFail: true,
    })
    // The first line makes the tap. It is refused as busy while a guest has it open, and then there is nothing to make.
    const refused = /^(.*)\nCommand failed -:1$/m.exec(result.stderr)?.[1]
    if (refused !== undefined && !refused.includes('busy'))
      throw new NetworkError('CommandFailed', `the tap ${ifname} could not be made: ${refused}`)
  }

  async #deleteLinks(ifnames: readonly string[]): Promise<void> {
    if (ifnames.length === 0) return
    const input = ifnames.map((ifname) => `link del dev ${ifname}\n`).join('')
    await this.#options.commands.run('ip', ['-force', '-batch', '-'], { input, mayFail: true })
  }
}
